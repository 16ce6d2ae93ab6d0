//! How unlike words a text is: how rarely its letters follow each other in names and documentation.
//!
//! The table was counted from 12,818 different words of the sources and documents of published Rust crates. A digit
//! is the rounded negative binary logarithm of how often the second letter follows the first: 3 is usual, 9 all but never.

const FOLLOWS: [&[u8; 26]; 26] = [
    b"74448759597343949343667769",
    b"35563789359268479446389969",
    b"37573793594477278463579979",
    b"46652677289577469447565779",
    b"47435568798553767234867579",
    b"47553369299467379445497969",
    b"47782754399564479346489979",
    b"27652988398656379455597969",
    b"56445559998542359543959795",
    b"37582799495777369946367999",
    b"48651776399575588635677878",
    b"37752789398387359855579949",
    b"25772889398757439746499989",
    b"48433538496676579733668989",
    b"66458669696442549345455789",
    b"37663775497477349344577979",
    b"87656969699476769567086998",
    b"37552769396656379544568959",
    b"58472764396677548742487966",
    b"38672784299677469345588859",
    b"54564569499443749333999799",
    b"38681788299768469867899899",
    b"26653694399574369446998999",
    b"46453576399658629762777759",
    b"55564667499443529634776877",
    b"38661698497776569667568965",
];

/// Pairs of letters of a text, and how rare they are together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rarity {
    /// Pairs that were looked at.
    pub(super) pairs: u32,
    sum: u32,
}

impl Rarity {
    /// Of the letters that stand beside each other. Where small letters end and a large one begins, a word may end.
    pub(super) fn of(text: &[u8]) -> Self {
        let pairs = text.iter().zip(text.iter().skip(1));
        pairs.fold(Self::default(), |known, (first, second)| {
            if first.is_ascii_lowercase() && second.is_ascii_uppercase() {
                return known;
            }
            match rarity(*first, *second) {
                Some(rarity) => Self {
                    pairs: known.pairs + 1,
                    sum: known.sum + rarity,
                },
                None => known,
            }
        })
    }

    /// Whether people would hardly have made a word of it. Of few letters little can be said, so they must be rarer.
    pub(super) fn is_strange(self) -> bool {
        let tenths = match self.pairs {
            0..=2 => return false,
            3 => 70,
            4 => 62,
            5 => 54,
            6..=7 => 50,
            _ => 47,
        };
        self.sum * 10 >= tenths * self.pairs
    }
}

fn rarity(first: u8, second: u8) -> Option<u32> {
    let index = |letter: u8| {
        let small = letter.to_ascii_lowercase();
        small.is_ascii_lowercase().then(|| usize::from(small - b'a'))
    };
    let digit = FOLLOWS.get(index(first)?)?.get(index(second)?)?;
    Some(u32::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::Rarity;

    #[test]
    fn words_are_not_strange_and_noise_is() {
        for word in [
            "password",
            "username",
            "correcthorse",
            "staging",
            "testing",
            "getUserName",
        ] {
            assert!(!Rarity::of(word.as_bytes()).is_strange(), "{word}");
        }
        for noise in ["qbdwvwkx", "zxkqvjwp", "jsfgqzpd", "mucshxrkcq"] {
            assert!(Rarity::of(noise.as_bytes()).is_strange(), "{noise}");
        }
    }
}
