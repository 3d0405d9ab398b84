//! Reading and writing result files.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use tempfile::NamedTempFile;

use super::{FORMAT, Results};

impl Results {
    /// Reads a file that this version of the lab can read; the error names the file and what would
    /// be right.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it is not a result file of this format.
    pub fn load(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("{shown} cannot be read"))?;
        let value: serde_json::Value =
            serde_json::from_str(&text).with_context(|| format!("{shown} is not JSON"))?;
        let format = value.get("format").and_then(serde_json::Value::as_u64);
        if format != Some(FORMAT.into()) {
            let found = format.map_or("none".to_owned(), |format| format.to_string());
            bail!("{shown} has format {found}; this version of the lab reads format {FORMAT}");
        }
        serde_json::from_value(value).with_context(|| format!("{shown} is not a result file"))
    }

    /// Writes it beside its place and then moves it there, so that a reader, or whoever pulls the
    /// plug, finds the old file or the new one. Makes the folder if it is missing.
    ///
    /// # Errors
    ///
    /// If the folder or the file cannot be written; what was there is then still there.
    pub fn save(&self, path: &Path) -> Result<()> {
        let shown = path.display();
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or(Path::new("."));
        let written = || -> Result<()> {
            fs::create_dir_all(folder)?;
            let mut file = NamedTempFile::new_in(folder)?;
            // Through a buffer: it writes each number and each brace by itself.
            let mut writer = BufWriter::new(&mut file);
            serde_json::to_writer_pretty(&mut writer, self)?;
            writer.write_all(b"\n")?;
            writer.flush()?;
            drop(writer);
            // Temporary files are their owner's alone; this one is for anybody.
            let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            file.as_file().set_permissions(readable)?;
            file.persist(path)?;
            Ok(())
        };
        written().with_context(|| format!("{shown} cannot be written"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/result.json");
        let mut results = Results::new();
        results.command = vec!["barewire-lab".to_owned(), "ablate".to_owned()];
        results.save(&path).unwrap();
        let loaded = Results::load(&path).unwrap();
        assert_eq!(loaded.command, results.command);
    }

    #[test]
    fn another_format_is_refused_by_name_and_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.json");
        for (text, told) in [
            (
                r#"{"format":99}"#,
                "old.json has format 99; this version of the lab reads format 2",
            ),
            ("{}", "old.json has format none"),
            ("nonsense", "old.json is not JSON"),
        ] {
            fs::write(&path, text).unwrap();
            let error = format!("{:#}", Results::load(&path).unwrap_err());
            assert!(error.contains(told), "{error}");
        }
        let none = Results::load(&folder.path().join("none.json")).unwrap_err();
        assert!(
            none.to_string().contains("none.json cannot be read"),
            "{none}"
        );
    }
}
