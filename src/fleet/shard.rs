//! `--shard i/n`: which of n jobs an environment belongs to.

use sha2::{Digest as _, Sha256};

/// One of several jobs that together take every environment, each environment once.
///
/// An environment's job follows from its name and the number of jobs, and from nothing else: not from which other
/// environments there are, not from a ring, not from what changed. So a job that still runs for an older commit and one for
/// a newer commit never hold the same environment, as long as a concurrency group keeps equal shards apart; with a division
/// by position, one new environment would move half of the others to another job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1 on.
    number: u32,
    /// How many there are.
    of: u32,
}

impl Shard {
    /// The most jobs that can be asked for.
    pub const MOST: u32 = 10_000;

    /// Reads `2/8`: the second of eight.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected =
            || format!("expected I/N with I from 1 to N, such as 2/8, and N at most {}", Self::MOST);
        let (number, of) = text.split_once('/').ok_or_else(expected)?;
        // `+1` would be accepted by `parse`, and is a slip.
        let figure =
            |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten();
        match (figure(number), figure(of)) {
            (Some(number), Some(of)) if number >= 1 && number <= of && of <= Self::MOST => {
                Ok(Self { number, of })
            }
            _ => Err(expected()),
        }
    }

    /// Whether the environment of this name is this job's: the first eight bytes of the name's SHA-256, as a number, modulo
    /// n, counted from 1.
    #[must_use]
    pub fn takes(self, name: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        number % u64::from(self.of) == u64::from(self.number) - 1
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_a_number_of_a_number_is_a_shard() {
        for good in ["1/1", "2/8", "10000/10000"] {
            assert_eq!(Shard::parse(good).unwrap().to_string(), good);
        }
        for bad in
            ["", "1", "0/4", "5/4", "1/0", "-1/4", "+1/4", "1/4/2", "a/b", "1/10001", " 1/2", "1/99999999999"]
        {
            assert!(Shard::parse(bad).unwrap_err().contains("such as 2/8"), "{bad}");
        }
    }

    /// Jobs of different versions of the program must agree. Computed with `sha256sum`: the digest of `contoso` begins with
    /// 11f0b04eda61baeb, which leaves 3 when divided by 4; that of `a` begins with ca978112ca1bbdca, which leaves 2.
    #[test]
    fn the_division_never_changes() {
        let of_four = |name: &str| {
            (1..=4).find(|number| Shard::parse(&format!("{number}/4")).unwrap().takes(name)).unwrap()
        };
        assert_eq!((of_four("contoso"), of_four("a")), (4, 3));
    }

    proptest! {
        #[test]
        fn every_name_is_in_exactly_one_shard(name in ".{0,40}", of in 1_u32..64) {
            let shards = (1..=of).map(|number| Shard { number, of });
            prop_assert_eq!(shards.filter(|shard| shard.takes(&name)).count(), 1);
        }
    }
}
