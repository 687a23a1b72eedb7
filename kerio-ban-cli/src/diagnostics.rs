//! Messages on standard error: errors drawn with the text they are about.

use std::io::{self, Write};
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use clap::ColorChoice;
use kerio_ban_core::{Error, Label, Source, Span};

use crate::console::{Console, Painted, Palette};
use crate::failure::Failure;
use crate::words::Visible;

/// Draws a failure for people.
pub(crate) fn draw(failure: &Failure, color: ColorChoice) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    let console = Console::of(&stderr, color);
    let renderer = if console.palette.coloured {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let renderer = match console.width {
        Some(width) => renderer.term_width(width),
        None => renderer,
    };
    let drawing = Drawing {
        escape: console.escape,
    };
    writeln!(stderr, "{}", renderer.render(&drawing.failure(failure)))
}

/// Writes a failure on one line, and one for each reference it came through.
pub(crate) fn brief(failure: &Failure, color: ColorChoice) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    let console = Console::of(&stderr, color);
    failure
        .to_string()
        .lines()
        .try_for_each(|line| writeln!(stderr, "{}", Visible::new(line, console.escape)))
}

/// Writes text that is in the words of another program.
pub(crate) fn plain(text: &str) {
    let mut stderr = io::stderr().lock();
    let console = Console::of(&stderr, ColorChoice::Auto);
    for line in text.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        // There is no other place where it could be said that this place is gone.
        let _ = write!(stderr, "{}{end}", Visible::new(line, console.escape));
    }
}

/// Tells of something that does not keep the command from going on.
pub(crate) fn warn(message: &str, color: ColorChoice) {
    tell(|palette| palette.warning("warning"), message, color);
}

/// Tells of something that went wrong and that the command goes on after.
pub(crate) fn error(message: &str, color: ColorChoice) {
    tell(|palette| palette.bad("error"), message, color);
}

fn tell(word: impl FnOnce(Palette) -> Painted<&'static str>, message: &str, color: ColorChoice) {
    let mut stderr = io::stderr().lock();
    let console = Console::of(&stderr, color);
    let word = word(console.palette);
    let message = Visible::new(message, console.escape);
    // There is no other place where it could be said that this place is gone.
    let _ = writeln!(stderr, "{word}: {message}");
}

/// Puts together what is drawn. Snippets are made fit for terminals by the
/// renderer, all other text is here.
struct Drawing {
    escape: bool,
}

impl Drawing {
    fn text(&self, text: &str) -> String {
        Visible::new(text, self.escape).to_string()
    }

    /// What is said, and the help, if there is any.
    fn failure(&self, failure: &Failure) -> Vec<Group<'static>> {
        let title = |text: &str| Level::ERROR.primary_title(self.text(text));
        let (mut groups, help) = match failure {
            Failure::Config(error) => (self.error(error), error.help()),
            Failure::Request(request) => {
                let title = title(&request.message).id(request.code);
                (vec![Group::with_title(title)], request.help.clone())
            }
            Failure::Output(_) => {
                let title = title(&failure.to_string());
                (vec![Group::with_title(title)], None)
            }
        };
        if let Some(help) = help {
            let title = Level::HELP.secondary_title(self.text(&help));
            groups.push(Group::with_title(title));
        }
        groups
    }

    fn error(&self, error: &Error) -> Vec<Group<'static>> {
        // What was typed on the command line is in no section of a file.
        let typed = error
            .origin()
            .is_some_and(|origin| origin.span().source().name().starts_with("--"));
        let message = match error.option() {
            Some(option) if !typed => format!("{option}: {}", error.message()),
            _ => error.message(),
        };
        let title = Level::ERROR
            .primary_title(self.text(&message))
            .id(error.code());
        let Some(origin) = error.origin() else {
            return vec![Group::with_title(title)];
        };
        let place = origin.span();
        let label = |label: &Label| {
            AnnotationKind::Context
                .span(shown(&label.span))
                .label(self.text(&label.text))
        };
        let (here, elsewhere): (Vec<&Label>, Vec<&Label>) = error
            .labels()
            .iter()
            .partition(|label| label.span.source() == place.source());
        let main = self
            .snippet(place.source())
            .annotation(AnnotationKind::Primary.span(shown(place)))
            .annotations(here.into_iter().map(label));
        let others = elsewhere
            .into_iter()
            .map(|other| self.snippet(other.span.source()).annotation(label(other)));
        let mut groups = vec![title.element(main).elements(others)];
        groups.extend(origin.via().iter().map(|place| self.reference(place)));
        groups
    }

    /// A reference through which the text came.
    fn reference(&self, place: &Span) -> Group<'static> {
        let reference = self.text(place.text());
        let title = Level::NOTE.secondary_title(format!("it came through `{reference}`"));
        let annotation = AnnotationKind::Primary.span(shown(place));
        title.element(self.snippet(place.source()).annotation(annotation))
    }

    fn snippet<T: Clone>(&self, source: &Source) -> Snippet<'static, T> {
        // The renderer shows the other control characters as pictures. This one
        // has as many bytes, so that places stay what they are.
        let text = if self.escape {
            source
                .text()
                .replace(|c| ('\u{80}'..='\u{9f}').contains(&c), "\u{b7}")
        } else {
            source.text().to_owned()
        };
        Snippet::source(text).path(self.text(source.name()))
    }
}

/// The bytes under which carets are put: no more than the first line.
fn shown(place: &Span) -> Range<usize> {
    let range = place.range();
    let first_line = place.text().find(['\n', '\r']);
    let end = first_line.map_or(range.end, |length| range.start + length);
    range.start..end
}
