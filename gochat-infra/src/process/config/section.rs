//! Declares sections of keys: the struct, its defaults, and what is known about each key.

use super::raw::Raw;

/// What is known about one key.
#[derive(Debug, Clone)]
pub struct Key {
    /// The section it is in.
    pub section: &'static str,
    /// Its name in the section.
    pub name: &'static str,
    /// What it does; a line for each.
    pub doc: Vec<&'static str>,
    /// Its default as TOML; `None` when it has none.
    pub default: Option<String>,
    /// Whether a running program takes a new value over when it gets SIGHUP.
    pub reloads: bool,
    /// Whether it must never be shown.
    pub secret: bool,
}

impl Key {
    /// `section.name`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// `GOCHAT_SECTION__NAME`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("GOCHAT_{}__{}", self.section, self.name).to_uppercase()
    }
}

/// A section, as the loader sees it.
pub(super) trait Section {
    fn doc(&self) -> Vec<&'static str>;
    /// Its keys, with the present values as defaults.
    fn keys(&self) -> Vec<Key>;
    /// Sets a key; `None` when there is none of the name.
    fn set(&mut self, name: &str, raw: &Raw) -> Option<Result<(), String>>;
}

/// Declares sections. `reloads` after a default marks a key that a running program takes over.
macro_rules! sections {
    ($(
        $(#[doc = $section_doc:literal])+
        $section:ident: $Section:ident {
            $( $(#[doc = $doc:literal])+ $name:ident: $ty:ty = $default:expr $(, $reloads:ident)?; )+
        }
    )+) => {
        $(
            $(#[doc = $section_doc])+
            #[derive(Debug, Clone, PartialEq)]
            #[non_exhaustive]
            pub struct $Section { $( $(#[doc = $doc])+ pub $name: $ty, )+ }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $( $name: $default, )+ }
                }
            }

            impl Section for $Section {
                fn doc(&self) -> Vec<&'static str> {
                    vec![$($section_doc.trim()),+]
                }

                fn keys(&self) -> Vec<Key> {
                    vec![$( Key {
                        section: stringify!($section),
                        name: stringify!($name),
                        doc: vec![$($doc.trim()),+],
                        default: self.$name.show(),
                        reloads: $crate::process::config::section::is_reloads!($($reloads)?),
                        secret: <$ty as Setting>::SECRET,
                    } ),+]
                }

                fn set(&mut self, name: &str, raw: &Raw) -> Option<Result<(), String>> {
                    Some(match name {
                        $( stringify!($name) => Setting::parse(raw).map(|value| self.$name = value), )+
                        _ => return None,
                    })
                }
            }
        )+

        /// The whole configuration of a program.
        #[derive(Debug, Clone, PartialEq, Default)]
        #[non_exhaustive]
        pub struct Config { $( $(#[doc = $section_doc])+ pub $section: $Section, )+ }

        impl Config {
            pub(super) fn sections(&self) -> Vec<(&'static str, &dyn Section)> {
                vec![$( (stringify!($section), &self.$section as &dyn Section) ),+]
            }

            pub(super) fn section_mut(&mut self, name: &str) -> Option<&mut dyn Section> {
                match name {
                    $( stringify!($section) => Some(&mut self.$section), )+
                    _ => None,
                }
            }
        }
    };
}

macro_rules! is_reloads {
    () => {
        false
    };
    (reloads) => {
        true
    };
}

pub(super) use {is_reloads, sections};
