//! One HTML file that opens from disk: style and charts are in it, and it asks nobody for anything.
//!
//! Several result files make one page, section by section; each figure says which file it is from,
//! because figures of two runs are not one. Flame graphs have scripts and ids of their own, and so
//! each has a frame of its own.

mod figures;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Source;
use super::tables::{self, Table};
use crate::results::Results;

/// A part of the page.
struct Section {
    id: &'static str,
    title: &'static str,
    /// The tables beside its charts.
    tables: &'static [&'static str],
    /// Its charts for a file; the number makes their ids unique.
    charts: fn(&Results, usize) -> Vec<Markup>,
}

const SECTIONS: [Section; 5] = [
    Section {
        id: "techniques",
        title: "What each technique is worth",
        tables: &["controls", "techniques"],
        charts: figures::techniques,
    },
    Section {
        id: "ladder",
        title: "From naive to full",
        tables: &["ladder", "interactions"],
        charts: figures::ladders,
    },
    Section {
        id: "servers",
        title: "The rivals and the limit",
        tables: &["front", "comparison", "limit", "instructions", "missing"],
        charts: figures::servers,
    },
    Section {
        id: "flames",
        title: "Where the CPU time goes",
        tables: &[],
        charts: figures::flames,
    },
    Section {
        id: "article",
        title: "The article, sentence by sentence",
        tables: &["article"],
        charts: |_, _| Vec::new(),
    },
];

/// The page of these files.
pub fn html(sources: &[Source]) -> String {
    let parts: Vec<(&Section, Markup)> = SECTIONS
        .iter()
        .filter_map(|section| Some((section, drawn(section, sources)?)))
        .collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "barewire: where the speed comes from" }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                header {
                    h1 { "barewire: where the speed comes from" }
                    @for source in sources { (verdict(source)) }
                }
                nav aria-label="Sections" { ul {
                    @for (section, _) in &parts {
                        li { a href={ "#" (section.id) } { (section.title) } }
                    }
                    li { a href="#record" { "Conditions and commands" } }
                } }
                main {
                    @for (section, content) in &parts {
                        section id=(section.id) { h2 { (section.title) } (content) }
                    }
                    section id="record" {
                        h2 { "Conditions and commands" }
                        @for source in sources { (record(source)) }
                    }
                }
            }
        }
    }
    .into_string()
}

/// Whether the instrument held in a file, and where it is from.
fn verdict(source: &Source) -> Markup {
    let failed = source
        .results
        .rows
        .iter()
        .filter(|row| row.has_failed())
        .count();
    html! {
        div class=(if failed > 0 { "verdict refused" } else { "verdict" }) {
            @if failed > 0 {
                p { strong { (failed) " controls failed: take nothing here for granted." } }
            }
            p class="source" { (source.line()) }
        }
    }
}

fn drawn(section: &Section, sources: &[Source]) -> Option<Markup> {
    let mut parts = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let figures = (section.charts)(&source.results, number);
        let tables: Vec<Table> = section
            .tables
            .iter()
            .filter_map(|name| tables::named(&source.results, name))
            .collect();
        if !figures.is_empty() || !tables.is_empty() {
            parts.push(html! {
                p class="source" { (source.line()) }
                @for figure in figures { (figure) }
                @for table in tables { (tabulated(&table)) }
            });
        }
    }
    (!parts.is_empty()).then(|| html! { @for part in parts { (part) } })
}

fn tabulated(table: &Table) -> Markup {
    let class = |numeric: bool| numeric.then_some("number");
    html! {
        div class={ "scroll " (table.name) } tabindex="0" role="region" aria-label=(table.title) {
            table {
                caption { (table.title) }
                thead { tr { @for column in &table.columns {
                    th scope="col" class=[class(column.numeric)] { (column.heading) }
                } } }
                tbody { @for row in &table.rows {
                    tr { @for (cell, column) in row.iter().zip(&table.columns) {
                        td class=[class(column.numeric)] { (cell) }
                    } }
                } }
            }
        }
        @if !table.note.is_empty() { p class="note" { (table.note) } }
    }
}

fn record(source: &Source) -> Markup {
    let tables = ["environment", "commands"].map(|name| tables::named(&source.results, name));
    html! {
        h3 { (source.name) }
        @for table in tables.into_iter().flatten() { (tabulated(&table)) }
    }
}
