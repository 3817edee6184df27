//! Randomness whose seed is printed, so that a run can be had again.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A source of decisions. Threads of a test each take their own by `split`, so that one seed fixes what each of them wants to do
/// (not when: the machine's timing stays its own).
pub struct Chance {
    random: StdRng,
}

/// That of `GOLDCREST_TEST_SEED`, or a fresh one; says which.
pub fn seed_for(test: &str) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test has no options but these")]
    let seed = match std::env::var("GOLDCREST_TEST_SEED") {
        Ok(text) => text.parse().expect("GOLDCREST_TEST_SEED is a number"),
        Err(_) => rand::random::<u64>(),
    };
    println!("{test}: GOLDCREST_TEST_SEED={seed}");
    seed
}

impl Chance {
    /// From `GOLDCREST_TEST_SEED`, or fresh; says which.
    pub fn for_test(name: &str) -> Self {
        Self::of(seed_for(name))
    }

    /// From this seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed) }
    }

    #[must_use]
    pub fn split(&mut self) -> Self {
        Self { random: StdRng::seed_from_u64(self.random.random()) }
    }

    /// One of `low..=high`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        self.random.random_range(low..=high)
    }

    /// True this many times in a hundred.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.between(0, 99) < percent
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.between(0, from.len() - 1)]
    }

    /// A text of any Unicode characters but NUL, `length` of them, with the troublesome ones often.
    pub fn text(&mut self, length: usize) -> String {
        const TROUBLE: &[char] = &[
            '\r',
            '\n',
            '\u{2028}',
            '\u{2029}',
            '\u{feff}',
            '"',
            '\\',
            '\u{7f}',
            '\u{1b}',
            '😀',
            '\u{200d}',
            'é',
            '\u{301}',
            '\u{202e}',
            '\u{10ffff}',
        ];
        let mut text: String = (0..length)
            .map(|_| {
                if self.percent(30) {
                    return *self.pick(TROUBLE);
                }
                loop {
                    let highest = if self.percent(50) { 0x7e } else { 0x10_ffff };
                    let code = u32::try_from(self.between(1, highest)).unwrap();
                    if let Some(character) = char::from_u32(code) {
                        return character;
                    }
                }
            })
            .collect();
        // White space alone is no message.
        if text.trim().is_empty() {
            text.push('x');
        }
        text
    }
}
