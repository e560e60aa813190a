//! Puts the answers of all cores together.

use super::command::{Reply, Request};
use super::part::Part;

/// A command whose cores are being asked.
#[derive(Debug)]
pub struct Gather {
    request: Request,
    cores: usize,
    parts: Vec<Part>,
}

impl Gather {
    /// `cores` answers are awaited, at least one.
    pub fn new(request: Request, cores: u16) -> Self {
        Self { request, cores: cores as usize, parts: Vec::new() }
    }

    /// Takes one core's answer. With the last one the command has its own.
    pub fn add(&mut self, part: Part) -> Option<Reply> {
        self.parts.push(part);
        if self.parts.len() < self.cores {
            return None;
        }
        self.parts.sort_by_key(|part| part.core);
        Some(self.request.answer(&self.parts))
    }
}
