use super::*;

fn told(limit: u64, remaining: u64, ends: Instant) -> Told {
    Told {
        limit,
        remaining,
        ends,
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn goes(window: &mut Window, now: Instant) -> bool {
    window.step(now) == Step::Go
}

/// How many may go at once.
fn burst(window: &mut Window, now: Instant) -> usize {
    (0..100).take_while(|_| goes(window, now)).count()
}

fn answered(window: &mut Window, told: impl Into<Option<Told>>, now: Instant) {
    window.learn(told.into(), now);
    window.in_flight -= 1;
}

#[tokio::test(start_paused = true)]
async fn the_first_goes_alone_and_teaches_the_rest() {
    let (mut window, now) = (Window::default(), Instant::now());
    assert_eq!(burst(&mut window, now), 1);
    answered(&mut window, told(5, 4, now + SECOND), now);
    assert_eq!(burst(&mut window, now), 4);
    assert_eq!(window.step(now), Step::Until(now + SECOND));
    for _ in 0..4 {
        answered(&mut window, told(5, 0, now + SECOND), now);
    }
    assert_eq!(burst(&mut window, now + SECOND), 5, "a new window");
    assert_eq!(
        burst(&mut window, now + SECOND),
        0,
        "until an answer tells when it ends"
    );
    answered(&mut window, told(5, 4, now + 2 * SECOND), now + SECOND);
    assert_eq!(window.step(now + SECOND), Step::Until(now + 2 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn what_others_have_used_is_not_ours() {
    let (mut window, now) = (Window::default(), Instant::now());
    assert!(goes(&mut window, now));
    answered(&mut window, told(60, 40, now + SECOND), now);
    assert!(goes(&mut window, now));
    answered(&mut window, told(60, 3, now + SECOND), now);
    assert_eq!(burst(&mut window, now), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_counts_in_the_new_window() {
    let (mut window, now) = (Window::default(), Instant::now());
    assert!(goes(&mut window, now));
    answered(&mut window, told(5, 4, now + SECOND), now);
    assert_eq!(burst(&mut window, now), 4);
    assert_eq!(burst(&mut window, now + SECOND), 1, "four may have arrived late");
    // An answer of the window before says nothing about this one.
    answered(&mut window, told(5, 4, now + SECOND), now + SECOND);
    assert_eq!(burst(&mut window, now + SECOND), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_stops_everybody_until_it_is_over() {
    for limit in [None, Some(5)] {
        let (mut window, now) = (Window::default(), Instant::now());
        assert!(goes(&mut window, now));
        if let Some(limit) = limit {
            answered(&mut window, told(limit, 4, now + SECOND), now);
        } else {
            window.in_flight -= 1;
        }
        window.block(now + 3 * SECOND);
        assert_eq!(window.step(now), Step::Until(now + 3 * SECOND));
        assert!(goes(&mut window, now + 3 * SECOND));
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_changes_is_learnt_anew() {
    let (mut window, now) = (Window::default(), Instant::now());
    assert!(goes(&mut window, now));
    answered(&mut window, told(1_000, 999, now + 50 * SECOND), now);
    assert_eq!(burst(&mut window, now), 100);
    // Two answers of the new limit, one of them a refusal.
    answered(&mut window, told(5, 4, now + SECOND), now);
    answered(&mut window, told(5, 0, now + SECOND), now);
    window.block(now + SECOND);
    assert_eq!(
        window.step(now),
        Step::Until(now + SECOND),
        "and not for the rest of the long window"
    );
    window.in_flight = 0;
    assert_eq!(burst(&mut window, now + SECOND), 5);
}

#[tokio::test(start_paused = true)]
async fn whoever_tells_nothing_has_no_limit() {
    let (mut window, now) = (Window::default(), Instant::now());
    assert!(goes(&mut window, now));
    answered(&mut window, None, now);
    assert_eq!(burst(&mut window, now), 100);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_would_wait_too_long_is_told_so_at_once() {
    let lane = Arc::new(Lane::default());
    let now = Instant::now();
    let permit = lane.enter(now + SECOND, None).await.unwrap();
    permit.learn(Some(told(1, 0, now + 30 * SECOND)));
    drop(permit);
    let refused = lane.enter(now + 5 * SECOND, None).await.unwrap_err();
    assert_eq!(refused, MakeError::RateLimited { wait: 30 * SECOND });
    assert_eq!(Instant::now(), now, "without having waited");
    assert!(lane.enter(now + 31 * SECOND, None).await.is_ok());
    assert!(Instant::now() >= now + 30 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn callers_go_in_the_order_in_which_they_came_and_are_told_that_they_wait() {
    let lane = Arc::new(Lane::default());
    let now = Instant::now();
    let first = lane.enter(now + SECOND, None).await.unwrap();
    first.learn(Some(told(2, 0, now + SECOND)));
    drop(first);
    let order = Arc::new(Mutex::new(Vec::new()));
    let told_waits = Arc::new(AtomicUsize::new(0));
    let count = told_waits.clone();
    let on_wait: OnWait = Arc::new(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let callers = (0..6).map(|caller| {
        let (lane, order, on_wait) = (lane.clone(), order.clone(), on_wait.clone());
        async move {
            let permit = lane.enter(now + 60 * SECOND, Some(&on_wait)).await.unwrap();
            order.lock().unwrap().push(caller);
            let now = Instant::now();
            permit.learn(Some(told(2, 1, now + SECOND)));
        }
    });
    futures::future::join_all(callers).await;
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4, 5]);
    assert!(told_waits.load(Ordering::Relaxed) >= 6);
}

#[tokio::test(start_paused = true)]
async fn a_window_whose_end_is_not_known_yet_is_waited_for() {
    let lane = Arc::new(Lane::default());
    let now = Instant::now();
    let first = lane.enter(now + SECOND, None).await.unwrap();
    first.learn(Some(told(1, 0, now + SECOND)));
    drop(first);
    // The next window begins with this one, and nobody has told when it ends.
    let second = lane.enter(now + 2 * SECOND, None).await.unwrap();
    let third = tokio::spawn({
        let lane = lane.clone();
        async move { lane.enter(now + 10 * SECOND, None).await.map(drop) }
    });
    tokio::task::yield_now().await;
    second.learn(Some(told(1, 0, now + 3 * SECOND)));
    drop(second);
    assert!(
        third.await.unwrap().is_ok(),
        "it would not have had to wait for long"
    );
}

#[test]
fn the_clock_of_the_other_side_is_taken_where_ours_is_wrong() {
    let date = UNIX_EPOCH + Duration::from_secs(784_111_777);
    for (ours, expected) in [(0, 0), (2, 2), (3_600, 0)] {
        assert_eq!(
            their_clock(date + Duration::from_secs(ours), Some(date)),
            date + Duration::from_secs(expected)
        );
    }
    assert_eq!(their_clock(date, None), date);
}

#[tokio::test(start_paused = true)]
async fn headers_are_read_and_hostile_ones_are_bounded() {
    let clock = UNIX_EPOCH + Duration::from_secs(1_000);
    let now = Instant::now();
    let table = [
        (["60", "59", "1030"], Some((60, 59, 30))),
        (["60", "59", "0"], Some((60, 59, 0))),
        (["60", "59", "18446744073709551615"], Some((60, 59, 120))),
        (["60", "-1", "1030"], None),
        (["x", "1", "1030"], None),
    ];
    for (values, expected) in table {
        let mut headers = HeaderMap::new();
        for (name, value) in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]
            .iter()
            .zip(values)
        {
            headers.insert(*name, value.parse().unwrap());
        }
        let expected = expected
            .map(|(limit, remaining, secs)| told(limit, remaining, now + Duration::from_secs(secs) + MARGIN));
        assert_eq!(Told::read(&headers, now, clock), expected, "{values:?}");
    }
}
