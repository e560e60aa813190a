//! One line that says how far something is, for what takes longer than two seconds.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

const QUIET: Duration = Duration::from_secs(2);
const EVERY: Duration = Duration::from_millis(200);

/// Shows nothing for the first two seconds, and nothing at all where standard error is no terminal.
pub struct Progress {
    what: String,
    begin: Instant,
    shown: Option<Instant>,
}

impl Progress {
    pub fn new(what: &str) -> Self {
        Self { what: what.to_owned(), begin: Instant::now(), shown: None }
    }
    pub fn show(&mut self, state: &str) {
        let due = self.begin.elapsed() > QUIET && self.shown.is_none_or(|s| s.elapsed() > EVERY);
        if due && std::io::stderr().is_terminal() {
            self.shown = Some(Instant::now());
            eprint!("\r{}: {state}\x1b[K", self.what);
            let _ = std::io::stderr().flush();
        }
    }
}
impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
