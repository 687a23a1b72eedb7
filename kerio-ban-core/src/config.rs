//! From files to resolved settings: layers, includes, references, options.
//!
//! In the order in which a filter passes through them:
//!
//! * `loader`: the public door; finds the files of a filter;
//! * `resources`: those of everything else, each read once;
//! * `include`: which files belong to it, and in which order they count;
//! * `layers`: these files merged, later over earlier;
//! * `interpolate`: `%(name)s`, resolved while a value is fetched;
//! * `definition`: `[Definition]`, `[Init]` and parameters put together;
//! * `tags`: `<name>`, resolved over what was put together;
//! * `filter`: the typed result.
//!
//! And for jails: `jails` reads them with their filters and actions, `settings`
//! types their options, `logpath` and `glob` find their logs, `action` resolves
//! what they would run; `jail` is the result.
//!
//! `options` and `values` hold the small languages inside values, `duration`
//! the one of times.

mod action;
mod budget;
mod definition;
mod duration;
mod filter;
mod glob;
mod include;
mod interpolate;
mod jail;
mod jails;
mod layers;
mod loader;
mod logpath;
mod options;
mod ordered;
mod path;
mod place;
pub mod recorded;
mod resources;
mod settings;
mod spec;
mod tags;
mod values;

pub use self::action::{ActionConfig, Property};
pub use self::duration::parse_duration;
pub use self::filter::{BorrowedInclude, FilterConfig};
pub use self::jail::JailConfig;
pub use self::jails::{JailOptions, JailSection, JailState, Jails};
pub use self::loader::Loader;
pub use self::logpath::LogPath;
pub use self::settings::Setting;
pub use self::spec::FilterSpec;
pub(crate) use self::values::{integer, split_words};

#[cfg(test)]
mod tests;
