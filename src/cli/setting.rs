//! One row of the table of options: what is common to an option on every way in and out.
//!
//! A row is text in, text out: the type of its value is known to its form and its field only, so
//! that rows of all types stand in one list.

use std::rc::Rc;

use super::forms::Form;
use super::options::Values;

/// Sets a field from text; `false` if the text is not allowed.
type Reader = Box<dyn Fn(&str, &mut Values) -> bool>;
/// What to say of text that is not allowed.
type Objection = Box<dyn Fn(&str) -> String>;
/// A field as text.
type Writer = Box<dyn Fn(&Values) -> String>;

/// An option.
pub(super) struct Setting {
    /// As in the file: `buffer-size`.
    pub(super) name: &'static str,
    /// What it does, in a line.
    pub(super) help: &'static str,
    /// What it does in fact, in as many sentences as that takes.
    pub(super) detail: &'static str,
    /// What is allowed, in words.
    pub(super) allowed: String,
    /// What stands for its value in the help.
    pub(super) placeholder: String,
    /// The flag alone, without a value, means `on`.
    pub(super) bare: bool,
    /// It can be given several times, and as a list in the file.
    pub(super) repeats: bool,
    read: Reader,
    object: Objection,
    show: Writer,
}

impl Setting {
    /// The option that writes `field` down in `form`.
    pub(super) fn new<F: Form + 'static>(
        name: &'static str,
        form: F,
        field: fn(&mut Values) -> &mut F::Value,
        help: &'static str,
        detail: &'static str,
    ) -> Self {
        let form = Rc::new(form);
        let reader = Rc::clone(&form);
        let objector = Rc::clone(&form);
        Self {
            name,
            help,
            detail,
            allowed: form.allowed(),
            placeholder: form.placeholder(),
            bare: false,
            repeats: false,
            object: Box::new(move |text| objector.objection(text)),
            read: Box::new(move |text, values| {
                reader
                    .read(text)
                    .map(|value| *field(values) = value)
                    .is_some()
            }),
            // Shown from a copy, so that one way to the field, the one that writes, is enough.
            show: Box::new(move |values| form.show(field(&mut values.clone()))),
        }
    }

    /// Lets the flag stand alone for `on`.
    pub(super) fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Lets it be given several times: the texts are joined by commas.
    pub(super) fn repeated(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// Sets the value from `text`; `false`, with nothing changed, if that is not allowed.
    #[must_use]
    pub(super) fn read(&self, text: &str, values: &mut Values) -> bool {
        (self.read)(text, values)
    }

    /// What to say of a text that [`read`](Self::read) does not take.
    pub(super) fn objection(&self, text: &str) -> String {
        (self.object)(text)
    }

    /// The value as text that [`read`](Self::read) takes.
    pub(super) fn show(&self, values: &Values) -> String {
        (self.show)(values)
    }

    /// As on the command line: `--buffer-size`.
    pub(super) fn flag(&self) -> String {
        format!("--{}", self.name)
    }

    /// As in the environment: `BAREWIRE_BUFFER_SIZE`.
    pub(super) fn variable(&self) -> String {
        format!("BAREWIRE_{}", self.name.replace('-', "_").to_uppercase())
    }
}
