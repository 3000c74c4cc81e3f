//! Lines at the bottom of a terminal that are drawn again and again, and step aside for lines of the log.
//!
//! Before lines are drawn anew, the old ones are erased: as many rows as they take at the present width. A terminal that was
//! made narrower has wrapped them, so rows are counted when they are erased, not when they were drawn.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use console::Term;

use crate::log::Curtain;

/// The columns of a terminal that does not tell how many it has.
const USUAL: usize = 80;

/// Columns that stay free behind a line.
const KEPT_FREE: usize = 4;

/// What leads from one line to the next.
const BREAK: &str = "\r\n";

/// The lines, and the terminal that shows them.
pub(super) struct Live {
    state: Mutex<State>,
    /// Columns of the terminal.
    columns: Box<dyn Fn() -> usize + Send + Sync>,
}

struct State {
    terminal: Box<dyn Write + Send>,
    /// What the terminal shows, to be drawn again when something else was printed.
    lines: Vec<String>,
}

impl Live {
    /// Lines on standard error, which is a terminal.
    pub(super) fn on_stderr() -> Self {
        let terminal = Term::stderr();
        let columns = move || terminal.size_checked().map_or(USUAL, |(_, columns)| usize::from(columns)).max(1);
        Self::new(Box::new(std::io::stderr()), Box::new(columns))
    }

    fn new(terminal: Box<dyn Write + Send>, columns: Box<dyn Fn() -> usize + Send + Sync>) -> Self {
        Self { state: Mutex::new(State { terminal, lines: Vec::new() }), columns }
    }

    /// The longest line that fits. A full row makes some terminals begin another, and Ctrl-C is shown as `^C` behind the line.
    pub(super) fn room(&self) -> usize {
        (self.columns)().saturating_sub(KEPT_FREE)
    }

    /// Shows these lines in place of the ones before. Each must fit into [`Live::room`] and hold no control character.
    pub(super) fn show(&self, lines: Vec<String>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let text = state.erasure((self.columns)()) + &lines.join(BREAK);
        state.lines = lines;
        state.write(&text);
    }
}

impl Curtain for Live {
    fn part(&self, print: &mut dyn FnMut()) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let text = state.erasure((self.columns)());
        state.write(&text);
        print();
        let text = state.lines.join(BREAK);
        state.write(&text);
    }
}

impl State {
    /// What takes the lines off the terminal.
    fn erasure(&self, columns: usize) -> String {
        if self.lines.is_empty() {
            return String::new();
        }
        let rows: usize = self.lines.iter().map(|line| line.chars().count().div_ceil(columns).max(1)).sum();
        // To the first column, up to the first row, and away with everything below.
        if rows > 1 { format!("\r\u{1b}[{}A\u{1b}[J", rows - 1) } else { "\r\u{1b}[J".to_owned() }
    }

    /// A terminal that is gone ends nothing.
    fn write(&mut self, text: &str) {
        if !text.is_empty() {
            let _ = self.terminal.write_all(text.as_bytes()).and_then(|()| self.terminal.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Screen {
        /// What was written since the last look.
        fn news(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    #[test]
    fn a_narrower_terminal_keeps_no_ghosts() {
        let (screen, columns) = (Screen::default(), Arc::new(AtomicUsize::new(100)));
        let asked = Arc::clone(&columns);
        let live = Live::new(Box::new(screen.clone()), Box::new(move || asked.load(Ordering::Relaxed)));
        let lines = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
        live.show(lines(&format!("{}|short", "x".repeat(90))));
        assert_eq!(screen.news(), format!("{}\r\nshort", "x".repeat(90)));
        live.show(lines("one"));
        assert_eq!(screen.news(), "\r\u{1b}[1A\u{1b}[Jone", "two rows at 100 columns");
        live.show(lines(&format!("{}|short", "x".repeat(90))));
        screen.news();
        columns.store(40, Ordering::Relaxed);
        live.show(lines("one"));
        assert_eq!(screen.news(), "\r\u{1b}[3A\u{1b}[Jone", "90 characters are three rows of 40, and one more");
        assert_eq!(live.room(), 36);
        live.part(&mut || screen.clone().write_all(b"a line of the log\n").unwrap());
        assert_eq!(screen.news(), "\r\u{1b}[Ja line of the log\none");
        live.show(Vec::new());
        assert_eq!(screen.news(), "\r\u{1b}[J");
        live.show(Vec::new());
        live.part(&mut || {});
        assert_eq!(screen.news(), "", "nothing is drawn, and nothing erased");
    }
}
