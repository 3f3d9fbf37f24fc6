//! Reading secret files.

use std::path::Path;

use anyhow::Context as _;
use bluegate_cluster::Secret;

use crate::exit::UsageError;

/// The secrets of a file, one per line, blank lines left out.
pub(crate) fn read(path: &Path) -> Result<Vec<Secret>, anyhow::Error> {
    let text = std::fs::read_to_string(path)
        .with_context(|| UsageError(format!("cannot read the secret file `{}`", path.display())))?;
    let secrets: Vec<Secret> = text.lines().filter_map(|line| Secret::new(line).ok()).collect();
    if secrets.is_empty() {
        let message = format!(
            "the secret file `{}` is empty: an empty secret would let everyone in",
            path.display()
        );
        return Err(UsageError(message).into());
    }
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_blank_lines_is_no_secret() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\n  \n").unwrap();
        assert!(read(file.path()).unwrap_err().to_string().contains("is empty"));
        std::fs::write(file.path(), "new\n\n old \n").unwrap();
        let secrets = read(file.path()).unwrap();
        assert_eq!(secrets.iter().map(Secret::expose).collect::<Vec<_>>(), ["new", "old"]);
    }
}
