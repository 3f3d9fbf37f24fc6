//! systemd units and drop-ins, as far as a service's environment goes.

use std::collections::BTreeMap;

/// What a unit with its drop-ins says about the environment of its service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServiceEnvironment {
    /// `Environment=` assignments, later ones on top.
    pub(crate) variables: BTreeMap<String, String>,
    /// `EnvironmentFile=` paths in order, without the `-` that makes one optional.
    pub(crate) files: Vec<String>,
}

impl ServiceEnvironment {
    /// Reads a unit or drop-in on top of what was read before.
    pub(crate) fn read(&mut self, text: &str) {
        let mut in_service = false;
        for line in text.replace("\\\n", " ").lines().map(str::trim) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if line.starts_with('[') {
                in_service = line == "[Service]";
                continue;
            }
            let Some((key, value)) = line.split_once('=').filter(|_| in_service) else {
                continue;
            };
            match (key.trim(), value.trim()) {
                ("Environment", "") => self.variables.clear(),
                ("Environment", value) => self.variables.extend(assignments(value)),
                ("EnvironmentFile", "") => self.files.clear(),
                ("EnvironmentFile", path) => {
                    self.files.push(path.strip_prefix('-').unwrap_or(path).to_owned());
                }
                _ => {}
            }
        }
    }
}

/// Splits `A=1 "B=2 3"` at white space outside quotes.
fn assignments(value: &str) -> Vec<(String, String)> {
    words(value)
        .iter()
        .filter_map(|word| word.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The words of a systemd value: quotes group, a backslash escapes.
pub(crate) fn words(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut current: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, ' ' | '\t') => words.extend(current.take()),
            (None, '"' | '\'') => {
                quote = Some(character);
                current.get_or_insert_default();
            }
            (Some(open), _) if open == character => quote = None,
            (_, '\\') => current.get_or_insert_default().extend(characters.next()),
            _ => current.get_or_insert_default().push(character),
        }
    }
    words.extend(current);
    words
}

#[cfg(test)]
mod tests {
    use super::ServiceEnvironment;

    #[test]
    fn reads_environment_and_files_of_the_service_section_only() {
        let mut environment = ServiceEnvironment::default();
        environment.read(
            "[Unit]\nEnvironment=NO=1\n[Service]\nEnvironmentFile=-/etc/default/x\nEnvironment=A=1 \"B=2 3\"\n# Environment=C=1\n",
        );
        environment.read("[Service]\nEnvironment=\"A=-Dx=y -Dz=1,2\"\n");
        assert_eq!(environment.variables.get("A").map(String::as_str), Some("-Dx=y -Dz=1,2"));
        assert_eq!(environment.variables.get("B").map(String::as_str), Some("2 3"));
        assert_eq!(environment.variables.get("NO"), None);
        assert_eq!(environment.variables.get("C"), None);
        assert_eq!(environment.files, ["/etc/default/x"]);
        environment.read("[Service]\nEnvironment=\nEnvironmentFile=\n");
        assert_eq!(environment, ServiceEnvironment::default());
    }

    #[test]
    fn unquoted_options_with_spaces_lose_their_tail_as_in_systemd() {
        let mut environment = ServiceEnvironment::default();
        environment.read("[Service]\nEnvironment=JDK_JAVA_OPTIONS=-Da=1 -Db=2\n");
        assert_eq!(
            environment.variables.get("JDK_JAVA_OPTIONS").map(String::as_str),
            Some("-Da=1")
        );
    }
}
