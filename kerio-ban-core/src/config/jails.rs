//! From `jail.conf` to jails: what to load, and what came of it.

mod load;
mod problem;

use self::load::{Failure, Loading};
use self::problem::Problem;
use crate::config::jail::JailConfig;
use crate::config::loader::Loader;
use crate::config::ordered::OrderedMap;
use crate::error::Error;
use crate::source::{Source, Span};
use crate::traced::Traced;

/// How jails are loaded.
#[derive(Clone, Debug)]
pub struct JailOptions {
    force: bool,
    allow_no_files: bool,
    set: Vec<(String, Traced)>,
    params: OrderedMap<Traced>,
}

impl JailOptions {
    /// As fail2ban's server loads its jails.
    pub fn new() -> JailOptions {
        JailOptions {
            force: false,
            allow_no_files: false,
            set: Vec::new(),
            params: OrderedMap::default(),
        }
    }

    /// Whether jails are loaded that are not switched on.
    #[must_use]
    pub fn force(mut self, yes: bool) -> Self {
        self.force = yes;
        self
    }

    /// Whether a jail is loaded although none of its log files exists, as by
    /// `fail2ban-client --dump`. One with `skip_if_nologs` is skipped anyhow.
    #[must_use]
    pub fn allow_no_files(mut self, yes: bool) -> Self {
        self.allow_no_files = yes;
        self
    }

    /// Sets an option of all jails, as if it was written at the end of every
    /// section.
    #[must_use]
    pub fn set(mut self, option: &str, value: impl Into<String>) -> Self {
        self.set.push((option.to_lowercase(), typed(option, value)));
        self
    }

    /// Adds a parameter to the filters, as fail2ban-regex adds those that are
    /// written behind a jail's name. `backend` and `filter` also take the place
    /// of the jail's options of that name while its filter is looked for.
    #[must_use]
    pub fn param(mut self, name: &str, value: impl Into<String>) -> Self {
        self.params.insert(name, typed(name, value));
        self
    }
}

impl Default for JailOptions {
    fn default() -> JailOptions {
        JailOptions::new()
    }
}

fn typed(option: &str, value: impl Into<String>) -> Traced {
    let source = Source::new(format!("<option {}>", option.to_lowercase()), value);
    Traced::typed(&source.span(0..source.text().len()))
}

/// All sections of `jail.conf` and what belongs to it, in order.
#[derive(Clone, Debug)]
pub struct Jails {
    sections: Vec<JailSection>,
    sources: Vec<Source>,
    missing_includes: Vec<Span>,
    warnings: Vec<Error>,
}

/// A section of `jail.conf`.
#[derive(Clone, Debug)]
pub struct JailSection {
    name: String,
    result: Result<Option<JailConfig>, Failure>,
}

/// What has become of a section.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum JailState<'a> {
    /// It is not switched on, and no more is known of it.
    Disabled,
    /// It was loaded.
    Loaded(&'a JailConfig),
    /// fail2ban leaves this jail out, and starts the others.
    Skipped(&'a Error),
    /// fail2ban starts no jail at all because of this one.
    Fatal(&'a Error),
}

impl Jails {
    /// The sections, in the order in which they first appear.
    pub fn iter(&self) -> impl Iterator<Item = &JailSection> {
        self.sections.iter()
    }

    /// A section by its name.
    pub fn get(&self, name: &str) -> Option<&JailSection> {
        self.iter().find(|section| section.name == name)
    }

    /// Why fail2ban would start no jail at all, if that is so: the error it
    /// finds first.
    pub fn fatal(&self) -> Option<&Error> {
        match self.fatal_section()?.state() {
            JailState::Fatal(error) => Some(error),
            _ => None,
        }
    }

    /// The section because of which fail2ban would start no jail at all.
    pub fn fatal_section(&self) -> Option<&JailSection> {
        let fatal = self.iter().filter(|section| {
            let failure = section.result.as_ref().err();
            failure.is_some_and(|failure| failure.fatal)
        });
        fatal.min_by_key(|section| {
            let failure = section.result.as_ref().err();
            failure.is_some_and(|failure| failure.late)
        })
    }

    /// All files of the jails, without those of filters and actions, in the
    /// order in which they count.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The includes that were not found, which fail2ban passes over in
    /// silence.
    pub fn missing_includes(&self) -> &[Span] {
        &self.missing_includes
    }

    /// What fail2ban logs and goes on after while it reads these files.
    pub fn warnings(&self) -> &[Error] {
        &self.warnings
    }
}

impl JailSection {
    /// The section's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What has become of it.
    pub fn state(&self) -> JailState<'_> {
        match &self.result {
            Ok(None) => JailState::Disabled,
            Ok(Some(config)) => match config.skipped() {
                Some(error) => JailState::Skipped(error),
                None => JailState::Loaded(config),
            },
            Err(failure) if failure.fatal => JailState::Fatal(&failure.error),
            Err(failure) => JailState::Skipped(&failure.error),
        }
    }

    /// Its settings, if it could be loaded. A jail that is skipped for want of
    /// log files has some.
    pub fn config(&self) -> Option<&JailConfig> {
        self.result.as_ref().ok()?.as_ref()
    }
}

impl Loader {
    /// Loads all jails: `jail.conf`, `jail.d/*.conf`, `jail.local` and
    /// `jail.d/*.local`, those that exist, with their includes, and the filters
    /// and actions of the jails that are switched on.
    ///
    /// What is wrong with a single jail is its [state](JailSection::state); see
    /// also [`Jails::fatal`].
    ///
    /// ```
    /// use kerio_ban_core::{JailOptions, Loader, MemoryFiles};
    ///
    /// let files = MemoryFiles::new()
    ///     .with("/b/jail.conf", "[DEFAULT]\nbantime = 1h\n[mail]\nfilter = mail\n[web]\n")
    ///     .with("/b/jail.local", "[mail]\nenabled = true\nbantime = 2 * %(known/bantime)s\n")
    ///     .with("/b/filter.d/mail.conf", "[Definition]\nfailregex = ^bad <HOST>$\n");
    /// let jails = Loader::with_files("/b", files).jails(&JailOptions::new())?;
    /// let mail = jails.get("mail").and_then(|jail| jail.config()).expect("it is enabled");
    /// assert_eq!(mail.seconds("bantime")?, Some(7200.0));
    /// assert_eq!(mail.filter().failregex(), ["^bad <HOST>$"]);
    /// assert!(jails.get("web").is_some_and(|jail| jail.config().is_none()));
    /// # Ok::<(), kerio_ban_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `not-found`, and whatever is wrong with the text of the jails' files.
    pub fn jails(&self, options: &JailOptions) -> Result<Jails, Error> {
        let mut loading = Loading::new(self, options)?;
        let sections = loading.section_names().into_iter().map(|name| JailSection {
            result: loading.load(&name, options.force),
            name,
        });
        Ok(Jails {
            sections: sections.collect(),
            sources: loading.layers.sources,
            missing_includes: loading.layers.missing,
            warnings: loading.warnings,
        })
    }

    /// The names of all jails, in the order in which they first appear; what
    /// belongs to them is not looked at.
    ///
    /// # Errors
    /// As [`Loader::jails`].
    pub fn jail_names(&self) -> Result<Vec<String>, Error> {
        let options = JailOptions::new();
        Ok(Loading::new(self, &options)?.section_names())
    }

    /// Loads a single jail, whether it is switched on or not. The others are
    /// not looked at.
    ///
    /// # Errors
    /// `not-found`; whatever is wrong with the text of the files that belong
    /// to the jail, or with its options.
    pub fn jail(&self, name: &str, options: &JailOptions) -> Result<JailConfig, Error> {
        let mut loading = Loading::new(self, options)?;
        let names = loading.section_names();
        if !names.iter().any(|known| known == name) {
            let name = name.to_owned();
            return Err(Error::new(Problem::NoJail(name)));
        }
        match loading.load(name, true) {
            Ok(Some(config)) => Ok(config),
            Ok(None) => Err(Error::new(Problem::NoJail(name.to_owned()))),
            Err(failure) => Err(failure.error),
        }
    }
}
