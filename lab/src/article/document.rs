//! The ledger as a page for `docs/`.

use std::fmt::Write;
use std::path::Path;

use crate::results::Results;

/// The document of a result file; the path is where that file lies.
pub(super) fn of(results: &Results, path: &Path) -> String {
    let shown = path.display();
    let environment = &results.environment;
    let mut page = format!(
        "# The article, sentence by sentence\n\n\
         An article on DEV Community, by github-recommend, shows what a fast server should do, \
         with the framework hyperlane, and prints three runs of wrk. Here they were run again with \
         its own line.\n\n\
         Generated from `{shown}` by `barewire-lab article --from {shown} --document \
         docs/article.md`. Made by `{}`, {}, {}, {} cores, {}; commit {}.\n\n",
        results.command.join(" "),
        environment.compiler.as_deref().unwrap_or("rustc unknown"),
        environment.cpu,
        environment.cores,
        environment.kernel,
        environment.commit.as_deref().unwrap_or("unknown"),
    );
    page += "## The runs\n\n\
             | server | run | requests/s | server CPU, us a request | its busiest thread | wrk, \
             of a core | errors |\n\
             |---|---|---:|---:|---:|---:|---|\n";
    for block in &results.blocks {
        let cpu = block.server_cpu_ns_per_request;
        let errors: Vec<_> = block
            .errors
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let _ = writeln!(
            page,
            "| {} | {} | {:.0} | {} | {} | {:.0} % | {} |",
            block.subject,
            block.workload,
            block.requests_per_second,
            cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{:.1}", cpu / 1000.0)),
            block
                .server_busy
                .map_or_else(|| "-".to_owned(), |busy| format!("{:.0} %", 100.0 * busy)),
            100.0 * block.generator_busy,
            if errors.is_empty() {
                "none".to_owned()
            } else {
                errors.join(", ")
            },
        );
    }
    page += "\nServer and wrk share the machine's cores: these rates belong to both together. \
             What a server costs is its CPU time for a request.\n\n## The ledger\n\n\
             | the article said | measured here | verdict | because |\n|---|---|---|---|\n";
    for sentence in &results.ledger {
        let cells = [
            &sentence.said,
            &sentence.measured,
            &sentence.verdict,
            &sentence.reason,
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(page, "| {} |", cells.join(" | "));
    }
    if !results.missing.is_empty() {
        page += "\n## Not measured\n\n";
        for (name, reason) in &results.missing {
            let _ = writeln!(page, "- {name}: {reason}");
        }
    }
    page
}
