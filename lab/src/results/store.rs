//! The result file on the disk: read as a whole, replaced as a whole.
//!
//! Invariant: there is always one whole file of that name. It is written beside the old one and then
//! renamed over it (rename(2) is atomic), so that neither Ctrl-C nor a reader meets half a file.

use std::fs::{self, File, Permissions};
use std::io::{BufReader, BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::{FORMAT, Results};

/// What is read first: the rest may have another shape.
#[derive(Deserialize)]
struct Head {
    format: Option<u32>,
}

/// Reads a result file.
///
/// # Errors
///
/// If it is none, or one of another [`FORMAT`].
pub fn load(path: &Path) -> Result<Results> {
    let shown = path.display();
    let open = || File::open(path).map(BufReader::new);
    let head: Head =
        serde_json::from_reader(open().with_context(|| format!("cannot read {shown}"))?)
            .with_context(|| format!("{shown} is no result file"))?;
    match head.format {
        Some(FORMAT) => {}
        Some(other) => bail!(
            "{shown} has format {other}, and this program reads format {FORMAT}: \
             measure again, or use the version that made it"
        ),
        None => bail!("{shown} is no result file: it has no `format`"),
    }
    serde_json::from_reader(open()?).with_context(|| format!("{shown} is damaged"))
}

/// Writes a result file in place of the one that is there; makes its folder if there is none.
///
/// # Errors
///
/// If the folder or the file cannot be written; what was there is then still there.
pub fn save(results: &Results, path: &Path) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).with_context(context)?;
    let mut file = tempfile::Builder::new()
        .prefix(".barewire-lab-")
        // As any file: what the umask leaves of it, and not for this user alone.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .with_context(context)?;
    let mut writer = BufWriter::new(&mut file);
    serde_json::to_writer(&mut writer, results).with_context(context)?;
    writer.write_all(b"\n").with_context(context)?;
    writer.flush().with_context(context)?;
    drop(writer);
    file.persist(path).with_context(context)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deeper/results.json");
        for seconds in [1.5, 2.5] {
            let results = Results {
                format: FORMAT,
                seconds,
                ..Results::default()
            };
            save(&results, &path).unwrap();
            assert_eq!(
                load(&path).unwrap().seconds.to_bits(),
                f64::to_bits(seconds)
            );
        }
        let names = fs::read_dir(path.parent().unwrap()).unwrap();
        assert_eq!(names.count(), 1, "nothing is left beside it");
    }

    #[test]
    fn another_format_is_refused_with_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        let refused = |text: &str| {
            fs::write(&path, text).unwrap();
            format!("{:#}", load(&path).unwrap_err())
        };
        assert!(refused(r#"{"format":7,"blocks":3}"#).contains("has format 7"));
        assert!(refused(r#"{"answer":42}"#).contains("has no `format`"));
        assert!(refused("[]").contains("is no result file"));
        assert!(refused(r#"{"format":1}"#).contains("is damaged"));
        let missing = load(&folder.path().join("nothing")).unwrap_err();
        assert!(format!("{missing:#}").contains("cannot read"));
    }
}
