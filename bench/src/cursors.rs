//! Cursors: by which `id` each message came over Server-Sent Events, learnt from whoever heard it first.

/// How the line of an id begins.
const LINE: &[u8] = b"id: ";

/// The ids of messages by their numbers.
#[derive(Debug, Default)]
pub struct Cursors {
    /// Whether they are of interest.
    pub learning: bool,
    ids: Vec<Option<String>>,
}

impl Cursors {
    /// The id of a message, if somebody has heard it.
    pub fn of(&self, number: u32) -> Option<&str> {
        self.ids.get(number as usize)?.as_deref()
    }

    /// Takes the id out of what stands before a message, unless it is known.
    pub fn learn(&mut self, number: u32, before: &[u8]) {
        let place = number as usize;
        if !self.learning || self.ids.get(place).is_some_and(Option::is_some) {
            return;
        }
        let Some(start) = memchr::memmem::rfind(before, LINE).map(|start| start + LINE.len()) else { return };
        let Some(length) = memchr::memchr(b'\n', &before[start..]) else { return };
        // The end of an event behind it: the id is that of another message, and its own was in the piece before.
        if memchr::memmem::find(&before[start + length..], b"\n\n").is_some() {
            return;
        }
        if place >= self.ids.len() {
            self.ids.resize(place + 1, None);
        }
        self.ids[place] = Some(String::from_utf8_lossy(&before[start..start + length]).trim().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_that_of_the_same_event() {
        let mut cursors = Cursors { learning: true, ..Cursors::default() };
        cursors.learn(0, b"id: 7\nevent: message.created\ndata: {\"text\":\"");
        cursors.learn(2, b"id: 8\ndata: x\n\nid: 9\ndata: {\"text\":\"");
        cursors.learn(3, b"id: 9\ndata: x\n\ndata: {\"text\":\"");
        assert_eq!((cursors.of(0), cursors.of(1), cursors.of(2), cursors.of(3)), (Some("7"), None, Some("9"), None));
    }

    #[test]
    fn nothing_is_kept_that_nobody_wants() {
        let mut cursors = Cursors::default();
        cursors.learn(0, b"id: 7\ndata: ");
        assert_eq!(cursors.of(0), None);
    }
}
