use proptest::prelude::*;

use super::*;

fn window(days: &[Day], from: &str, to: &str) -> WindowFile {
    WindowFile {
        days: days.to_vec(),
        from: from.to_owned(),
        to: to.to_owned(),
    }
}

fn freeze(from: &str, to: &str) -> FreezeFile {
    FreezeFile {
        from: from.to_owned(),
        to: to.to_owned(),
        reason: "year end".to_owned(),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const WORK: [Day; 5] = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri];

fn berlin() -> Calendar {
    let windows = [
        window(&WORK, "09:00", "17:00"),
        window(&[Day::Sat], "22:00", "02:00"),
    ];
    let freezes = [
        freeze("2026-12-21", "2027-01-03"),
        freeze("2026-11-24T12:00", "2026-11-24T13:00"),
    ];
    Calendar::new("Europe/Berlin", &windows, &freezes).unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[test]
fn a_table_of_moments() {
    let cases = [
        // Monday, 08:59:59 and 09:00 in Berlin, which is an hour ahead in winter and two in summer.
        ("2026-11-23T07:59:59Z", Err(Some("2026-11-23T08:00:00Z"))),
        ("2026-11-23T08:00:00Z", Ok(())),
        ("2026-11-23T15:59:59Z", Ok(())),
        ("2026-11-23T16:00:00Z", Err(Some("2026-11-24T08:00:00Z"))),
        ("2026-06-15T07:00:00Z", Ok(())),
        ("2026-06-15T06:59:00Z", Err(Some("2026-06-15T07:00:00Z"))),
        // Over midnight from Saturday to Sunday.
        ("2026-11-28T21:30:00Z", Ok(())),
        ("2026-11-29T00:59:00Z", Ok(())),
        ("2026-11-29T01:00:00Z", Err(Some("2026-11-30T08:00:00Z"))),
        // A freeze of an hour within a window, and one over the year's end.
        ("2026-11-24T11:30:00Z", Err(Some("2026-11-24T12:00:00Z"))),
        ("2026-12-18T17:00:00Z", Err(Some("2026-12-19T21:00:00Z"))),
        ("2026-12-21T09:00:00Z", Err(Some("2027-01-04T08:00:00Z"))),
        // The night in which the clock is put forward: 22:00 is before, 02:00 does not exist.
        ("2027-03-28T00:59:00Z", Ok(())),
        ("2027-03-28T01:00:00Z", Err(Some("2027-03-29T07:00:00Z"))),
        // Put back: 02:00 comes twice, and the first one ends the window.
        ("2026-10-24T23:59:00Z", Ok(())),
        ("2026-10-25T00:00:00Z", Err(Some("2026-10-26T08:00:00Z"))),
    ];
    let calendar = berlin();
    for (moment, expected) in cases {
        let found = match calendar.at(at(moment)) {
            Standing::Open => Ok(()),
            Standing::Closed { opens, .. } => Err(opens),
        };
        assert_eq!(found, expected.map_err(|opens| opens.map(at)), "{moment}");
    }
}

#[test]
fn without_a_window_only_freezes_close() {
    let calendar = Calendar::new("UTC", &[], &[freeze("2026-12-24", "2026-12-24")])
        .ok()
        .unwrap();
    assert_eq!(calendar.at(at("2026-12-23T23:59:59Z")), Standing::Open);
    let Standing::Closed { reason, opens } = calendar.at(at("2026-12-24T00:00:00Z")) else {
        panic!("open");
    };
    assert_eq!(reason, "frozen until Fri 2026-12-25 00:00 (UTC): year end");
    assert_eq!(opens, Some(at("2026-12-25T00:00:00Z")));
}

#[test]
fn what_is_written_wrongly_is_told_at_its_place() {
    let windows = [
        window(&[], "09:00", "17:00"),
        window(&WORK, "9", "17:00"),
        window(&WORK, "09:00", "25:00"),
    ];
    let freezes = [freeze("soon", "2026-12-24"), freeze("2026-12-24", "2026-12-23")];
    let problems = Calendar::new("Mars/Phobos", &windows, &freezes).err().unwrap();
    let places: Vec<_> = problems.iter().map(|(place, _)| place.as_str()).collect();
    let expected = [
        "/timeZone",
        "/windows/0/days",
        "/windows/1/from",
        "/windows/2/to",
        "/freezes/0/from",
        "/freezes/1/to",
    ];
    assert_eq!(places, expected);
}

proptest! {
    /// The slot that is named is open, and no quarter of an hour before it is.
    #[test]
    fn the_next_slot_is_the_first(minutes in 0_i64..600_000) {
        let calendar = berlin();
        let now = at("2026-10-01T00:00:00Z") + SignedDuration::from_mins(minutes);
        if let Standing::Closed { opens, .. } = calendar.at(now) {
            let opens = opens.unwrap();
            prop_assert_eq!(calendar.at(opens), Standing::Open);
            let mut before = now;
            while before < opens {
                prop_assert!(calendar.at(before) != Standing::Open, "{} is open", before);
                before += SignedDuration::from_mins(15);
            }
        }
    }
}
