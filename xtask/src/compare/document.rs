//! A part of a Markdown file that a command writes; the rest is people's.

use anyhow::{Context, ensure};
use std::path::Path;

/// Replaces what is between the marks of `name` in a file, or puts it at its end.
pub fn replace(path: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let old = match std::fs::read_to_string(path) {
        Ok(old) => old,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(e).with_context(|| path.display().to_string()),
    };
    let new = replaced(&old, name, text).with_context(|| path.display().to_string())?;
    std::fs::write(path, new).with_context(|| path.display().to_string())
}

fn replaced(old: &str, name: &str, text: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->\n"));
    let part = format!("{begin}{}\n{end}", text.trim_end());
    let Some(at) = old.find(&begin) else {
        let gap = if old.is_empty() || old.ends_with("\n\n") { "" } else { "\n" };
        return Ok(format!("{old}{gap}{part}"));
    };
    let length = old[at..].find(&end);
    ensure!(length.is_some(), "`{}` is missing", end.trim());
    let after = at + length.unwrap_or(0) + end.len();
    Ok(format!("{}{part}{}", &old[..at], &old[after..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let one = replaced("# Head\n", "a", "1\n").unwrap();
        assert_eq!(one, "# Head\n\n<!-- begin a -->\n1\n<!-- end a -->\n");
        let two = replaced(&format!("{one}\nwords\n"), "a", "2").unwrap();
        assert_eq!(two, "# Head\n\n<!-- begin a -->\n2\n<!-- end a -->\n\nwords\n");
        let three = replaced(&two, "b", "3").unwrap();
        assert!(
            three.starts_with(&two) && three.ends_with("<!-- begin b -->\n3\n<!-- end b -->\n")
        );
        assert!(replaced("<!-- begin a -->\n", "a", "1").is_err());
    }
}
