//! `kerio-ban filters`: what is built in, and the same as files.

mod describe;
mod export;

use std::io::{self, Write};

use serde_json::json;

use self::describe::{Helper, Pack, PackFilter};
use super::Answer;
use crate::args::{FiltersArgs, Format, OutputArgs};
use crate::console::{self, Console};
use crate::failure::Failure;

pub(crate) fn run(args: &FiltersArgs) -> Result<Answer, Failure> {
    match &args.export {
        Some(dir) => export::run(dir, args.force, args.output)?,
        None => list(args.output)?,
    }
    Ok(Answer::Yes)
}

fn list(output: OutputArgs) -> Result<(), Failure> {
    let pack = Pack::read()?;
    if output.quiet {
        return Ok(());
    }
    let mut out = console::stdout();
    match output.format {
        Format::Text => {
            let console = Console::of(&io::stdout(), output.color);
            text(&mut out, &pack, console)?;
        }
        Format::Brief => brief(&mut out, &pack)?,
        Format::Json => lines(&mut out, &pack)?,
    }
    Ok(out.flush()?)
}

fn text(out: &mut impl Write, pack: &Pack, console: Console) -> io::Result<()> {
    let palette = console.palette;
    for filter in &pack.filters {
        writeln!(out, "{}  {}", palette.heading(filter.name), filter.title)?;
        // Those of another filter are listed there.
        for mode in filter.modes.iter().filter(|_| !filter.borrowed) {
            writeln!(out, "  {:10}  {}", mode.name, mode.in_short())?;
        }
        writeln!(out)?;
    }
    for helper in &pack.helpers {
        let Helper { name, title, .. } = helper;
        writeln!(out, "for filters to include  {name}: {title}")?;
    }
    for jails in &pack.jails {
        let names = jails.names.join(", ");
        writeln!(out, "jails, all off  {names}")?;
    }
    Ok(())
}

fn brief(out: &mut impl Write, pack: &Pack) -> io::Result<()> {
    for PackFilter {
        name, title, modes, ..
    } in &pack.filters
    {
        writeln!(out, "{name}: {title}")?;
        for mode in modes {
            writeln!(out, "{name}[mode={}]: {}", mode.name, mode.in_short())?;
        }
    }
    Ok(())
}

fn lines(out: &mut impl Write, pack: &Pack) -> io::Result<()> {
    for filter in &pack.filters {
        let modes: Vec<_> = filter
            .modes
            .iter()
            .map(|mode| json!({"name": mode.name, "catches": mode.catches, "rules": mode.rules}))
            .collect();
        let object = json!({
            "type": "filter",
            "name": filter.name,
            "file": filter.file,
            "title": filter.title,
            "rules": filter.rules,
            "modes": modes,
        });
        writeln!(out, "{object}")?;
    }
    for helper in &pack.helpers {
        let Helper { file, title, .. } = helper;
        let object = json!({"type": "include", "file": file, "title": title});
        writeln!(out, "{object}")?;
    }
    for jails in &pack.jails {
        let object = json!({"type": "jails", "file": jails.file, "names": jails.names});
        writeln!(out, "{object}")?;
    }
    Ok(())
}
