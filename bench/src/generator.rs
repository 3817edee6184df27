//! The generator: listeners and those who say something, on one thread, and what it does for a while.

use crate::clock::{Clock, nanoseconds};
use crate::ears::Ears;
use crate::mouths::Mouths;
use crate::said::Said;
use crate::tally::Tally;
use crate::way::{Listening, Saying};
use mio::{Events, Poll};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The longest that it waits for anything before it looks at the time.
const TURN: Duration = Duration::from_millis(50);

/// Everything that makes load in a run.
#[derive(Debug)]
pub struct Generator {
    poll: Poll,
    events: Events,
    clock: Clock,
    /// The listeners.
    pub ears: Ears,
    /// Those who say something.
    pub mouths: Mouths,
    /// What they say, one way for each line.
    pub sayings: Vec<Saying>,
    /// What was said.
    pub said: Said,
    /// What was heard in this part of the run.
    pub tally: Tally,
    /// Bytes of each text.
    pub length: usize,
}

/// What a run makes use of.
#[derive(Debug)]
pub struct Setting {
    /// How to listen.
    pub listening: Listening,
    /// How many do.
    pub listeners: usize,
    /// Where to say something: connections are spread over these.
    pub say_to: Vec<SocketAddr>,
    /// How, one for each line.
    pub sayings: Vec<Saying>,
    /// Over how many connections.
    pub mouths: usize,
    /// Bytes of each text.
    pub length: usize,
}

impl Generator {
    /// Connects those who say something, and knows of the listeners.
    pub fn new(setting: Setting) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mouths = Mouths::connect(&setting.say_to, setting.mouths, setting.listeners, poll.registry())?;
        Ok(Self {
            poll,
            events: Events::with_capacity(2048),
            clock: Clock::start(),
            ears: Ears::new(setting.listening, setting.listeners),
            mouths,
            sayings: setting.sayings,
            said: Said::default(),
            tally: Tally::default(),
            length: setting.length,
        })
    }

    /// Forgets what was heard so far, and returns it.
    pub fn next_part(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Counts no latency from here on in this part: what is still to come was kept waiting on purpose.
    pub fn hold_latency(&mut self) {
        self.tally.held = true;
    }

    /// Waits for something to do, at most so long, and does it.
    pub fn turn(&mut self, longest: Duration) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(longest.min(TURN))) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        let listeners = self.ears.len();
        for event in &self.events {
            let token = event.token().0;
            if token < listeners {
                self.ears.ready(token, self.clock, &self.said, &mut self.tally);
            } else {
                self.mouths.ready(token, self.clock, &mut self.said, &mut self.tally)?;
            }
        }
        Ok(())
    }

    /// Begins to connect those listeners of a range who are not there, while fewer than so many are on their way. Returns
    /// whether all have been begun.
    pub fn connect_some(&mut self, from: &mut usize, to: usize, at_once: usize) -> io::Result<bool> {
        while *from < to {
            if self.ears.underway >= at_once {
                return Ok(false);
            }
            if !self.ears.is_there(*from) {
                self.ears.connect(*from, self.poll.registry(), self.clock)?;
            }
            *from += 1;
        }
        Ok(true)
    }

    /// Connects all listeners and waits until they are live. Returns how long that took.
    pub fn connect_all(&mut self, at_once: usize, patience: Duration) -> io::Result<Duration> {
        self.connect_first(self.ears.len(), at_once, patience)
    }

    /// Connects so many listeners and waits until they are live. Returns how long that took.
    pub fn connect_first(&mut self, all: usize, at_once: usize, patience: Duration) -> io::Result<Duration> {
        let begun = Instant::now();
        let mut next = 0;
        while self.ears.live < all {
            self.connect_some(&mut next, all, at_once)?;
            self.turn(TURN)?;
            if self.ears.failed > 0 {
                return Err(io::Error::other(format!("a listener was turned away: {}", self.ears.reason)));
            }
            if begun.elapsed() > patience {
                let live = self.ears.live;
                return Err(io::Error::other(format!("only {live} of {all} listeners are live after {patience:?}")));
            }
        }
        Ok(begun.elapsed())
    }

    /// Cuts off all listeners of a range.
    pub fn drop_all(&mut self, range: std::ops::Range<usize>) {
        range.for_each(|ear| self.ears.drop_one(ear));
    }

    /// Lets a listener take what has come for it.
    pub fn take(&mut self, ear: usize) {
        self.ears.ready(ear, self.clock, &self.said, &mut self.tally);
    }

    /// Says the next message of a line, if somebody is free to.
    pub fn say(&mut self, line: u16) -> io::Result<bool> {
        let saying = &self.sayings[usize::from(line)];
        self.mouths.say(saying, line, self.length, self.clock, &mut self.said)
    }

    /// Lets time pass.
    pub fn idle(&mut self, span: Duration) -> io::Result<()> {
        let begun = Instant::now();
        while let Some(left) = span.checked_sub(begun.elapsed()) {
            self.turn(left)?;
        }
        Ok(())
    }

    /// Says messages at even distances, in each line in turn, whether those before have arrived or not.
    pub fn at_rate(&mut self, per_second: f64, span: Duration) -> io::Result<()> {
        let begun = self.clock.now();
        let distance = 1e9 / per_second;
        let end = begun + nanoseconds(span);
        let lines = u16::try_from(self.sayings.len()).unwrap_or(u16::MAX);
        let mut count: u32 = 0;
        loop {
            let now = self.clock.now();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a time in this run")]
            let due = begun + (distance * f64::from(count)) as u64;
            if due >= end {
                return Ok(());
            }
            if due > now {
                self.turn(Duration::from_nanos(due - now))?;
                continue;
            }
            let line = u16::try_from(count % u32::from(lines)).unwrap_or_default();
            if self.say(line)? {
                self.tally.tardiness.saturating_record(now - due);
                count += 1;
                // What was sent is not to wait for what else is due.
                self.turn(Duration::ZERO)?;
            } else {
                self.turn(TURN)?;
            }
        }
    }

    /// Says as much as is answered: each connection always has a request underway, until so many messages are said or so much
    /// time has passed.
    pub fn press(&mut self, messages: u64, span: Duration) -> io::Result<()> {
        let (begun, end) = (Instant::now(), self.said.messages().saturating_add(messages));
        while self.said.messages() < end && begun.elapsed() < span {
            while self.said.messages() < end && self.say(0)? {}
            self.turn(TURN)?;
        }
        while self.mouths.idle() < self.mouths.len() && begun.elapsed() < span * 2 {
            self.turn(TURN)?;
        }
        Ok(())
    }

    /// Says as much as can be delivered: so many messages are always on their way to listeners.
    pub fn saturate(&mut self, window: u32, span: Duration) -> io::Result<()> {
        let begun = Instant::now();
        let listeners = u32::try_from(self.ears.live).unwrap_or(u32::MAX);
        let mut complete = self.said.next(0) as usize;
        while begun.elapsed() < span {
            complete += self.tally.complete(complete, listeners);
            let said = self.said.next(0) as usize;
            if said - complete < window as usize && self.say(0)? {
                continue;
            }
            self.turn(TURN)?;
        }
        Ok(())
    }

    /// Waits until so many deliveries were counted in this part, or until none came for a while.
    pub fn drain(&mut self, deliveries: u64, patience: Duration) -> io::Result<()> {
        let mut last = (self.tally.heard, Instant::now());
        while self.tally.heard < deliveries || self.mouths.idle() < self.mouths.len() {
            self.turn(TURN)?;
            if self.tally.heard != last.0 {
                last = (self.tally.heard, Instant::now());
            }
            if last.1.elapsed() > patience {
                break;
            }
        }
        Ok(())
    }
}
