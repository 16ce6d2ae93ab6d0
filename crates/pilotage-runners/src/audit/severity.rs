//! How bad a vulnerability is: by a scanner's word, by a score, or by a CVSS vector.

use cvss::Cvss;

/// How bad it is. Critical is high here, as gates ask about both together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Below 4.0.
    Low,
    /// From 4.0.
    Medium,
    /// From 7.0.
    High,
    /// Nobody says. That is no reason to take it for harmless.
    Unknown,
}

impl Severity {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Unknown => "severity unknown",
        }
    }

    /// By the word of a scanner.
    pub fn of_word(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "critical" | "high" => Self::High,
            "medium" | "moderate" => Self::Medium,
            "low" | "info" | "none" | "informational" | "negligible" => Self::Low,
            _ => Self::Unknown,
        }
    }

    /// By a score from 0 to 10, in the bands of CVSS 3 (specification, section 5).
    pub fn of_score(score: f64) -> Self {
        match score {
            score if !(0.0..=10.0).contains(&score) => Self::Unknown,
            score if score >= 7.0 => Self::High,
            score if score >= 4.0 => Self::Medium,
            _ => Self::Low,
        }
    }

    /// By a vector of CVSS 2, 3 or 4. One that cannot be read says nothing.
    pub fn of_vector(vector: &str) -> Self {
        let parsed = vector.trim().parse::<Cvss>();
        parsed.map_or(Self::Unknown, |vector| Self::of_score(vector.score()))
    }

    /// The worse of two, where a known one counts more than an unknown one.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, other) => other,
            (own, Self::Unknown) => own,
            (own, other) => own.max(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_scores_and_vectors_are_one_scale() {
        let words = [
            ("CRITICAL", Severity::High),
            ("moderate", Severity::Medium),
            ("low", Severity::Low),
            ("", Severity::Unknown),
        ];
        for (word, expected) in words {
            assert_eq!(Severity::of_word(word), expected, "{word}");
        }
        let scores = [
            (0.0, Severity::Low),
            (3.9, Severity::Low),
            (4.0, Severity::Medium),
            (6.9, Severity::Medium),
            (7.0, Severity::High),
            (10.0, Severity::High),
            (10.1, Severity::Unknown),
            (-1.0, Severity::Unknown),
            (f64::NAN, Severity::Unknown),
        ];
        for (score, expected) in scores {
            assert_eq!(Severity::of_score(score), expected, "{score}");
        }
        // The scores are those of FIRST's calculators.
        let vectors = [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Severity::High),
            ("CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:L/A:N", Severity::Medium),
            ("CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", Severity::Low),
            (
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
                Severity::High,
            ),
            ("AV:N/AC:L/Au:N/C:P/I:P/A:P", Severity::High),
            ("CVSS:9.9/AV:N", Severity::Unknown),
            ("high", Severity::Unknown),
            ("", Severity::Unknown),
        ];
        for (vector, expected) in vectors {
            assert_eq!(Severity::of_vector(vector), expected, "{vector}");
        }
    }

    #[test]
    fn of_two_sources_the_worse_known_one_counts() {
        use Severity::{High, Low, Unknown};
        assert_eq!([Low.or(High), Unknown.or(Low), Low.or(Unknown)], [High, Low, Low]);
    }
}
