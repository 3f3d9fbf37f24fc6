//! Typed reading of TOML tables that collects every problem on its way.

use std::{cell::RefCell, fmt::Display, ops::Range, path::PathBuf, rc::Rc, str::FromStr};

use bluegate_tenant::ScalarForm;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    problem::{Problem, Problems},
    schema::{SECTIONS, Section},
    suggest::suggest,
};

/// Where the problems of one file gather.
#[derive(Clone)]
pub(crate) struct Collector<'a> {
    text: &'a str,
    problems: Rc<RefCell<Vec<Problem>>>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, problems: Rc::default() }
    }

    pub(crate) fn add(
        &self,
        span: &Range<usize>,
        path: &str,
        message: impl Display,
        hint: Option<String>,
    ) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        self.problems.borrow_mut().push(Problem {
            line: 1 + before.matches('\n').count(),
            path: path.to_owned(),
            message: message.to_string(),
            hint,
        });
    }

    /// All that was added, by line; `Err` when there was any.
    pub(crate) fn finish(self) -> Result<(), Problems> {
        let mut problems = self.problems.take();
        problems.sort_by(|a, b| (a.line, &a.path).cmp(&(b.line, &b.path)));
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }
}

/// One table of the file, read key by key.
pub(crate) struct Table<'a> {
    table: &'a DeTable<'a>,
    span: Range<usize>,
    path: String,
    collector: Collector<'a>,
}

impl<'a> Table<'a> {
    /// A table at `path`; keys that are not among `known` are problems.
    pub(crate) fn new(
        table: &'a DeTable<'a>,
        span: Range<usize>,
        path: String,
        known: &[&str],
        collector: &Collector<'a>,
    ) -> Self {
        let this = Self { table, span, path, collector: collector.clone() };
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let hint = suggest(name, known).map(|known| format!("did you mean `{known}`?"));
                collector.add(&key.span(), &this.path_of(name), "unknown key", hint);
            }
        }
        this
    }

    /// A table that `section` describes.
    pub(crate) fn of_section(
        value: &'a Spanned<DeValue<'a>>,
        path: String,
        section: &Section,
        collector: &Collector<'a>,
    ) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            collector.add(&value.span(), &path, "expected a table", None);
            return None;
        };
        let inside = SECTIONS
            .iter()
            .filter_map(|inner| inner.name.strip_prefix(section.name)?.strip_prefix('.'));
        let known: Vec<&str> = section.keys.iter().map(|key| key.name).chain(inside).collect();
        Some(Self::new(table, value.span(), path, &known, collector))
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Adds a problem about the whole table.
    pub(crate) fn problem(&self, message: impl Display, hint: Option<&str>) {
        self.collector.add(&self.span, &self.path, message, hint.map(str::to_owned));
    }

    /// Adds a problem about one key, at its line when it is there.
    pub(crate) fn problem_at(&self, key: &str, message: impl Display, hint: Option<&str>) {
        let span = self.table.get(key).map_or(self.span.clone(), Spanned::span);
        self.collector.add(&span, &self.path_of(key), message, hint.map(str::to_owned));
    }

    /// Adds a problem at the innermost part of `path` that is there.
    pub(crate) fn problem_within(&self, path: &[String], message: impl Display) {
        let mut span = self.span.clone();
        let mut table = Some(self.table);
        for key in path {
            let Some(value) = table.and_then(|table| table.get(key.as_str())) else { break };
            span = value.span();
            table = value.get_ref().as_table();
        }
        self.collector.add(&span, &self.path_of(&path.join(".")), message, None);
    }

    /// How many problems there are so far, in the whole file.
    pub(crate) fn problems(&self) -> usize {
        self.collector.problems.borrow().len()
    }

    /// The keys that are there.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.table.keys().map(|key| key.get_ref().as_ref())
    }

    /// Whether `key` is there and a table.
    pub(crate) fn is_table(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.get_ref().as_table().is_some())
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// The value of `key`; a missing one is a problem.
    pub(crate) fn required<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Self, &str) -> Option<T>,
    ) -> Option<T> {
        if !self.has(key) {
            self.problem(format_args!("`{key}` is missing"), None);
            return None;
        }
        read(self, key)
    }

    /// A text.
    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        let value = self.table.get(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, value, "a text in quotes");
        }
        text
    }

    /// A text that `T` understands.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, key: &str) -> Option<T> {
        match self.text(key)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem_at(key, error, None);
                None
            }
        }
    }

    /// A text that `read` understands, described by `example` when it does not.
    pub(crate) fn with_unit<T>(
        &self,
        key: &str,
        default: T,
        read: fn(&str) -> Option<T>,
        example: &str,
    ) -> T {
        let Some(text) = self.text(key) else { return default };
        read(text).unwrap_or_else(|| {
            self.problem_at(key, format_args!("`{text}` is not a value such as {example}"), None);
            default
        })
    }

    /// A path that is not empty.
    pub(crate) fn path(&self, key: &str) -> Option<PathBuf> {
        let text = self.text(key)?;
        if text.is_empty() {
            self.problem_at(key, "the path is empty", None);
            return None;
        }
        Some(PathBuf::from(text))
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self, key: &str, default: bool) -> bool {
        let Some(value) = self.table.get(key) else { return default };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_type(key, value, "`true` or `false`");
            default
        })
    }

    /// A whole number of at least 1.
    pub(crate) fn count(&self, key: &str, default: usize) -> usize {
        let Some(value) = self.table.get(key) else { return default };
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|number| usize::from_str_radix(number.as_str(), number.radix()).ok());
        match number {
            Some(number) if number > 0 => number,
            _ => {
                self.wrong_type(key, value, "a whole number of at least 1");
                default
            }
        }
    }

    /// A whole number that `T` holds.
    pub(crate) fn number<T: TryFrom<i64>>(&self, key: &str) -> Option<T> {
        let value = self.table.get(key)?;
        let number = value.get_ref().as_integer();
        let number =
            number.and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        let number = number.and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            self.wrong_type(key, value, "a whole number");
        }
        number
    }

    /// A text, a whole number, or `true` or `false`.
    pub(crate) fn scalar(&self, key: &str) -> Option<ScalarForm> {
        let value = self.table.get(key)?;
        match value.get_ref() {
            DeValue::String(_) => self.text(key).map(|text| ScalarForm::Text(text.to_owned())),
            DeValue::Integer(_) => self.number(key).map(ScalarForm::Number),
            DeValue::Boolean(value) => Some(ScalarForm::Boolean(*value)),
            _ => {
                self.wrong_type(key, value, "a text, a whole number, `true` or `false`");
                None
            }
        }
    }

    /// A number from 0 to 1000, such as `1` or `0.5`.
    pub(crate) fn weight(&self, key: &str, default: f64) -> f64 {
        let Some(value) = self.table.get(key) else { return default };
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if (0.0..=1000.0).contains(&number) => number,
            _ => {
                self.wrong_type(key, value, "a number from 0 to 1000");
                default
            }
        }
    }

    /// One text or a list of texts that `T` understands; never empty when
    /// nothing was wrong.
    pub(crate) fn one_or_many<T: FromStr>(&self, key: &str, expected: &str) -> Vec<T> {
        let Some(value) = self.table.get(key) else { return Vec::new() };
        let items: Vec<&Spanned<DeValue<'_>>> = match value.get_ref().as_array() {
            Some(array) => array.iter().collect(),
            None => vec![value],
        };
        if items.is_empty() {
            self.problem_at(key, "the list is empty", None);
        }
        let mut parsed = Vec::new();
        for item in items {
            match item.get_ref().as_str().map(str::parse) {
                Some(Ok(item)) => parsed.push(item),
                _ => self.collector.add(
                    &item.span(),
                    &self.path_of(key),
                    format_args!("expected {expected}"),
                    None,
                ),
            }
        }
        parsed
    }

    /// A table inside this one.
    pub(crate) fn table(&self, key: &str, known: &[&str]) -> Option<Self> {
        let open = self.open_table(key)?;
        Some(Self::new(open.table, open.span, open.path, known, &self.collector))
    }

    /// A table inside this one, whose keys may be any.
    pub(crate) fn open_table(&self, key: &str) -> Option<Self> {
        let value = self.table.get(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(key, value, "a table");
            return None;
        };
        let (span, path) = (value.span(), self.path_of(key));
        Some(Self { table, span, path, collector: self.collector.clone() })
    }

    /// The section `[key]` of the whole file, or the one inside this table.
    pub(crate) fn section(&self, section: &Section) -> Option<Self> {
        let key = section.name.rsplit('.').next().unwrap_or(section.name);
        let value = self.table.get(key)?;
        Self::of_section(value, section.name.to_owned(), section, &self.collector)
    }

    /// The sections `[[key]]` of the whole file, numbered from 1.
    pub(crate) fn sections(&self, section: &Section) -> Vec<Self> {
        let Some(value) = self.table.get(section.name) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            let hint = format!("write `[[{}]]`, with two brackets", section.name);
            self.collector.add(
                &value.span(),
                section.name,
                "expected a list of tables",
                Some(hint),
            );
            return Vec::new();
        };
        let numbered = array.iter().enumerate();
        numbered
            .filter_map(|(index, value)| {
                let path = format!("{}[{}]", section.name, index + 1);
                Self::of_section(value, path, section, &self.collector)
            })
            .collect()
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let found = value.get_ref().type_str();
        let message = format_args!("expected {expected}, found {found}");
        self.collector.add(&value.span(), &self.path_of(key), message, None);
    }
}
