//! How far long work is, told on stderr: drawn in place on a terminal, plain
//! lines elsewhere, nothing beside JSON.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::{Mutex, PoisonError},
};

/// Columns of a bar, without its edges.
const BAR: u64 = 24;

/// To the line's start, which is then empty.
const CLEAR: &str = "\r\x1b[2K";

/// What is drawn must stay one line, or clearing it leaves a part behind: the
/// terminal cuts it off instead of going on below.
const ONE_LINE: (&str, &str) = ("\x1b[?7l", "\x1b[?7h");

/// Tells how far work is. Several threads may tell at once: lines stay whole.
/// What is drawn goes away with it.
pub(crate) struct Progress {
    way: Way,
    state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Lines, and below them what is drawn in place.
    Drawn,
    /// Lines alone.
    Lines,
    Silent,
}

struct State {
    to: Box<dyn Write + Send>,
    /// What was shown last.
    shown: String,
}

impl Progress {
    /// Of a command whose outcome is JSON, or text for people.
    pub(crate) fn new(json: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        let way = match (json, io::stderr().is_terminal() && !dumb) {
            (true, _) => Way::Silent,
            (false, true) => Way::Drawn,
            (false, false) => Way::Lines,
        };
        Self::to(way, io::stderr())
    }

    fn to(way: Way, to: impl Write + Send + 'static) -> Self {
        Self { way, state: Mutex::new(State { to: Box::new(to), shown: String::new() }) }
    }

    /// Something that was done: a line that stays.
    pub(crate) fn say(&self, line: &str) {
        self.write(|state, way| match way {
            Way::Drawn => {
                let below = drawn(&state.shown);
                write!(state.to, "{CLEAR}{line}\n{below}")
            }
            Way::Lines => writeln!(state.to, "{line}"),
            Way::Silent => Ok(()),
        });
    }

    /// What is waited for and how much of it there is, as a bar in the place of
    /// what was shown before; off a terminal a line of the text, each time it
    /// differs.
    pub(crate) fn wait(&self, done: u64, all: u64, text: &str) {
        let shown = match self.way {
            Way::Drawn => bar(done, all, text),
            Way::Lines | Way::Silent => text.to_owned(),
        };
        self.write(|state, way| {
            if state.shown == shown {
                return Ok(());
            }
            state.shown = shown;
            match way {
                Way::Drawn => write!(state.to, "{CLEAR}{}", drawn(&state.shown)),
                Way::Lines => writeln!(state.to, "{text}"),
                Way::Silent => Ok(()),
            }
        });
    }

    /// How much is done, of work that is over soon: off a terminal nothing.
    pub(crate) fn bar(&self, done: u64, all: u64, text: &str) {
        if self.way == Way::Drawn {
            self.wait(done, all, text);
        }
    }

    /// How many of several nodes are done, and which are being worked at.
    pub(crate) fn nodes<'a>(
        &self,
        done: usize,
        all: usize,
        at_work: impl Iterator<Item = &'a str>,
    ) {
        let names: Vec<&str> = at_work.collect();
        let mut text = format!("{done} of {all} done");
        if !names.is_empty() {
            text += &format!("; at work: {}", names.join(", "));
        }
        if all > 1 {
            self.bar(done as u64, all as u64, &text);
        }
    }

    /// Work goes on though nobody reads how far it is.
    fn write(&self, write: impl FnOnce(&mut State, Way) -> io::Result<()>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        write(&mut state, self.way).and_then(|()| state.to.flush()).unwrap_or_default();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.write(|state, way| match way {
            Way::Drawn if !state.shown.is_empty() => write!(state.to, "{CLEAR}"),
            _ => Ok(()),
        });
    }
}

fn drawn(text: &str) -> String {
    let (begin, end) = ONE_LINE;
    format!("{begin}{text}{end}")
}

fn bar(done: u64, all: u64, text: &str) -> String {
    let part = |of: u64| u128::from(done.min(all)) * u128::from(of) / u128::from(all.max(1));
    let cells: String =
        (0..u128::from(BAR)).map(|at| if at < part(BAR) { '#' } else { '-' }).collect();
    format!("[{cells}] {:>3} %  {text}", part(100))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use insta::assert_snapshot;

    use super::*;

    /// A stderr that is kept.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What one piece of work leaves on stderr.
    fn told(way: Way) -> String {
        let kept = Kept::default();
        let progress = Progress::to(way, kept.clone());
        progress.wait(0, 2, "2 meetings");
        progress.wait(0, 2, "2 meetings");
        progress.bar(1, 4, "bbb-01");
        progress.say("bbb-01: done");
        drop(progress);
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().replace('\x1b', "^").replace('\r', "<")
    }

    #[test]
    fn a_terminal_is_drawn_on_others_get_lines_and_json_stands_alone() {
        let none = "^[?7l[------------------------]   0 %  2 meetings^[?7h";
        let bar = "^[?7l[######------------------]  25 %  bbb-01^[?7h";
        assert_eq!(told(Way::Drawn), format!("<^[2K{none}<^[2K{bar}<^[2Kbbb-01: done\n{bar}<^[2K"));
        assert_eq!(told(Way::Lines), "2 meetings\nbbb-01: done\n");
        assert_eq!(told(Way::Silent), "");
    }

    #[test]
    fn nodes_at_work_are_named_where_there_are_several() {
        let shown = |way, all| {
            let kept = Kept::default();
            let progress = Progress::to(way, kept.clone());
            progress.nodes(0, all, ["a", "b"].into_iter());
            progress.nodes(all, all, [].into_iter());
            let bytes = kept.0.lock().unwrap().clone();
            String::from_utf8(bytes).unwrap()
        };
        let drawn = shown(Way::Drawn, 2);
        assert!(drawn.contains(" 0 %  0 of 2 done; at work: a, b\u{1b}"), "{drawn:?}");
        assert!(drawn.contains(" 100 %  2 of 2 done\u{1b}"), "{drawn:?}");
        assert_eq!(shown(Way::Drawn, 1) + &shown(Way::Lines, 2) + &shown(Way::Silent, 2), "");
    }

    #[test]
    fn bars_fill_up_and_no_further() {
        let bars = [(0, 0), (0, 7), (3, 7), (7, 7), (9, 7), (u64::MAX, u64::MAX)];
        let bars = bars.map(|(done, all)| bar(done, all, "x"));
        assert_snapshot!(bars.join("\n"), @r"
        [------------------------]   0 %  x
        [------------------------]   0 %  x
        [##########--------------]  42 %  x
        [########################] 100 %  x
        [########################] 100 %  x
        [########################] 100 %  x
        ");
    }
}
