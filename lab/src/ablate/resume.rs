//! Going on with a file that was broken off, as if it had not been.
//!
//! The file carries its command line, so that nothing has to be said again and nothing can be said
//! otherwise. What was measured elsewhere, or of a server that was built anew, is not gone on with:
//! a pair of two machines is no pair.

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Parser;

use super::Options;
use crate::environment;
use crate::results::Results;

/// A command line of this command alone.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// The options that a file was begun with; time and threshold are those of now.
pub(super) fn options(results: &Results, now: &Options) -> Result<Options> {
    let (_, words) = results.command.split_first().unzip();
    let words = words.unwrap_or_default();
    if words.first().is_none_or(|word| word != "ablate") {
        bail!(
            "that file is not of an ablation: {}",
            results.command.join(" ")
        );
    }
    let line = Line::try_parse_from(words).context("that file's own command line")?;
    Ok(Options {
        minutes: now.minutes.or(line.options.minutes),
        fail_if: now.fail_if.clone().or(line.options.fail_if),
        ..line.options
    })
}

/// Fails if what would be added cannot be compared with what is there.
pub(super) fn check(results: &Results, program: &Path) -> Result<()> {
    let (then, now) = (&results.environment, environment::read());
    for (what, then, now) in [
        ("on the processor", &then.cpu, &now.cpu),
        ("by the kernel", &then.kernel, &now.kernel),
    ] {
        if then != now {
            bail!("that file was made {what} {then:?}, and this is {now:?}: begin a new one");
        }
    }
    let shown = program.display();
    let built = program.metadata().and_then(|file| file.modified());
    let built = built.with_context(|| format!("{shown} cannot be looked at"))?;
    let begun: jiff::Timestamp = results
        .started_at
        .parse()
        .context("when that file was begun")?;
    if jiff::Timestamp::try_from(built)? > begun {
        bail!("{shown} was built after that file was begun: begin a new one");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
