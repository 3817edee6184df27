//! All that was said in a run, and when: what order messages have to come in follows from it.

use crate::marks::Mark;
use std::cmp::Ordering;

/// What was said in each line.
#[derive(Debug, Default)]
pub struct Said {
    lines: Vec<Vec<Moments>>,
    messages: u64,
}

#[derive(Debug, Clone, Copy)]
struct Moments {
    sent: u64,
    answered: Option<u64>,
}

impl Said {
    /// The number that the next message of a line gets.
    pub fn next(&self, line: u16) -> u32 {
        self.lines.get(usize::from(line)).map_or(0, |said| u32::try_from(said.len()).unwrap_or(u32::MAX))
    }

    /// A message goes out now.
    pub fn say(&mut self, line: u16, now: u64) -> Mark {
        let number = self.next(line);
        let line_number = usize::from(line);
        if line_number >= self.lines.len() {
            self.lines.resize_with(line_number + 1, Vec::new);
        }
        self.lines[line_number].push(Moments { sent: now, answered: None });
        self.messages += 1;
        Mark { line, number, sent: now }
    }

    /// The server has said that it has a message.
    pub fn answered(&mut self, mark: Mark, now: u64) {
        if let Some(moments) = self.lines[usize::from(mark.line)].get_mut(mark.number as usize) {
            moments.answered = Some(now);
        }
    }

    /// `Less` if this message must come before a later one of its line, since it was answered before that was sent. Those that
    /// were underway together may come in any order.
    pub fn order(&self, mark: Mark, later: u32) -> Ordering {
        let Some(line) = self.lines.get(usize::from(mark.line)) else { return Ordering::Equal };
        let answered = line.get(mark.number as usize).and_then(|moments| moments.answered);
        let sent = line.get(later as usize).map(|moments| moments.sent);
        match (answered, sent) {
            (Some(answered), Some(sent)) if answered < sent => Ordering::Less,
            _ => Ordering::Equal,
        }
    }

    /// How many messages were said in all.
    pub fn messages(&self) -> u64 {
        self.messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_answered_before_has_an_order() {
        let mut said = Said::default();
        let marks = [said.say(3, 10), said.say(3, 20), said.say(3, 40)];
        said.answered(marks[0], 30);
        assert_eq!(said.order(marks[0], 1), Ordering::Equal, "they were underway together");
        assert_eq!(said.order(marks[0], 2), Ordering::Less);
        assert_eq!(said.order(marks[1], 2), Ordering::Equal, "it is not known to be there");
        assert_eq!((said.next(3), said.next(0), said.messages()), (3, 0, 3));
    }
}
