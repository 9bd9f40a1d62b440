//! Puts the layers together.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::raw::{self, Entry, Raw};
use super::section::Key;
use super::sections::Config;
use crate::process::{Problem, Problems};

/// Looked for in the current folder when no file is named.
const FILE: &str = "gochat.toml";
const PREFIX: &str = "GOCHAT_";
/// Variables of the test tools, which start the program with their own environment.
const NOT_OURS: [&str; 3] = ["GOCHAT_CONFIG", "GOCHAT_URL", "GOCHAT_BIN"];

/// Where settings come from beside the defaults. Nothing is read from the process itself: callers hand it in.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// The file that was asked for, by a flag or `GOCHAT_CONFIG`; it must exist.
    pub file: Option<PathBuf>,
    /// A text that all instances of a service share, such as one in etcd: what it is called, and TOML as of the file.
    pub shared: Option<(String, String)>,
    /// Variables, as of [`std::env::vars_os`].
    pub env: Vec<(String, String)>,
    /// Flags: what the flag is called, the key's path, and the value.
    pub flags: Vec<(String, String, String)>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Nobody set it.
    Default,
    /// A line of a file.
    File(PathBuf, usize),
    /// A line of the shared text.
    Shared(String, usize),
    /// A variable.
    Env(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Shared(name, line) => write!(f, "{name}:{line}"),
            Self::Env(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// What holds, and why.
#[derive(Debug, Clone)]
pub struct Effective {
    /// What holds.
    pub config: Config,
    pub(super) sources: BTreeMap<String, Source>,
}

impl Effective {
    /// Where the value of a key (`section.name`) comes from.
    #[must_use]
    pub fn source(&self, path: &str) -> &Source {
        self.sources.get(path).unwrap_or(&Source::Default)
    }
}

impl Layers {
    /// Reads all layers and checks what comes out.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn load(&self) -> Result<Effective, Problems> {
        let mut loader = Loader::new();
        match &self.file {
            Some(file) => loader.file(file),
            None if Path::new(FILE).exists() => loader.file(Path::new(FILE)),
            None => {}
        }
        if let Some((name, text)) = &self.shared {
            loader.entries(raw::read(name, text), |line| Source::Shared(name.clone(), line));
        }
        loader.env(&self.env);
        for (flag, path, value) in &self.flags {
            loader.set(path, &Raw::Loose(value.clone()), Source::Flag(flag.clone()));
        }
        let Loader { config, sources, mut problems, .. } = loader;
        if problems.is_empty() {
            let place =
                |path: &str| sources.get(path).map_or_else(|| path.to_owned(), |s| format!("{s}: {path}"));
            problems = super::check::check(&config, place);
        }
        Problems(problems).none().map(|()| Effective { config, sources })
    }
}

struct Loader {
    config: Config,
    keys: Vec<Key>,
    sources: BTreeMap<String, Source>,
    problems: Vec<Problem>,
}

impl Loader {
    fn new() -> Self {
        let config = Config::default();
        let keys = config.keys();
        Self { config, keys, sources: BTreeMap::new(), problems: Vec::new() }
    }

    fn file(&mut self, path: &Path) {
        let name = path.display().to_string();
        let entries = std::fs::read_to_string(path)
            .map_err(|e| Problem::new(&name, e, "name an existing file that this user may read"))
            .and_then(|text| raw::read(&name, &text));
        self.entries(entries, |line| Source::File(path.to_owned(), line));
    }

    fn entries(&mut self, entries: Result<Vec<Entry>, Problem>, source: impl Fn(usize) -> Source) {
        match entries {
            Err(problem) => self.problems.push(problem),
            Ok(entries) => {
                for e in entries {
                    self.set(&format!("{}.{}", e.section, e.name), &e.raw, source(e.line));
                }
            }
        }
    }

    fn env(&mut self, env: &[(String, String)]) {
        let mut ours: Vec<_> = env
            .iter()
            .filter(|(name, value)| {
                name.starts_with(PREFIX) && !NOT_OURS.contains(&name.as_str()) && !value.is_empty()
            })
            .collect();
        ours.sort();
        for (name, value) in ours {
            let path = name[PREFIX.len()..].to_lowercase().replacen("__", ".", 1);
            self.set(&path, &Raw::Loose(value.clone()), Source::Env(name.clone()));
        }
    }

    fn set(&mut self, path: &str, raw: &Raw, source: Source) {
        if let Err(problem) = self.try_set(path, raw, source) {
            self.problems.push(problem);
        }
    }

    fn try_set(&mut self, path: &str, raw: &Raw, source: Source) -> Result<(), Problem> {
        let at = source.to_string();
        let file_of =
            path.strip_suffix("_file").filter(|p| self.keys.iter().any(|k| k.secret && k.path() == *p));
        let read;
        let (path, raw) = match file_of {
            None => (path, raw),
            Some(path) => {
                let other = self.sources.get(path).filter(|s| same_layer(s, &source));
                if let Some(other) = other {
                    let what = format!("{path} is set by {other} already");
                    return Err(Problem::new(at, what, "keep one of the two"));
                }
                let file = raw.text().unwrap_or_default();
                let text = std::fs::read_to_string(file).map_err(|e| {
                    Problem::new(
                        &at,
                        format!("{file}: {e}"),
                        "name a file with the secret that this user may read",
                    )
                })?;
                read = Raw::Text(text.trim_end_matches(['\r', '\n']).to_owned());
                (path, &read)
            }
        };
        let (section, name) = path.split_once('.').unwrap_or((path, ""));
        match self.config.section_mut(section).and_then(|s| s.set(name, raw)) {
            None => Err(self.unknown(path, at, &source)),
            Some(Err(what)) => {
                let doc =
                    self.keys.iter().find(|k| k.path() == path).map(|k| k.doc.join(" ")).unwrap_or_default();
                Err(Problem::new(at, format!("{path}: {what}"), format!("it is: {doc}")))
            }
            Some(Ok(())) => {
                self.sources.insert(path.to_owned(), source);
                Ok(())
            }
        }
    }

    fn unknown(&self, path: &str, at: String, source: &Source) -> Problem {
        let known = self.keys.iter().flat_map(|k| {
            let path = k.path();
            k.secret.then(|| format!("{path}_file")).into_iter().chain([path])
        });
        let near =
            known.max_by(|a, b| strsim::jaro_winkler(a, path).total_cmp(&strsim::jaro_winkler(b, path)));
        let near = near.unwrap_or_default();
        let near = match source {
            Source::Env(_) => format!("{PREFIX}{}", near.to_uppercase().replacen('.', "__", 1)),
            _ => near,
        };
        Problem::new(at, format!("there is no setting {path}"), format!("the nearest is {near}"))
    }
}

fn same_layer(a: &Source, b: &Source) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

impl Config {
    /// All keys, with their present values as defaults.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        self.sections().into_iter().flat_map(|(_, section)| section.keys()).collect()
    }
}
