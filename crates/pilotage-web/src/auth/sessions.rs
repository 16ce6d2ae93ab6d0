//! Who is signed in to the dashboard. A browser holds a random id in a cookie; what it stands for is kept here, in memory:
//! the digest of a token, never the token. A start anew signs everybody out.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, header};
use pilotage_core::{Digest, ports::Token};

use super::tokens::Tokens;
use crate::problem::{Kind, Problem};

/// Name of the cookie.
const COOKIE: &str = "pilotage_session";
/// Sessions at once; beyond that the one that was not used for the longest time ends.
const MOST_SESSIONS: usize = 1_000;
/// Sessions of one token at once; beyond that its own stalest one ends, so that nobody signs others out by signing in.
const MOST_OF_ONE_TOKEN: usize = 100;
/// A session ends when it was not used for this long.
const IDLE: Duration = Duration::from_hours(12);
/// A session ends this long after it began, whatever it is used for.
const LONGEST: Duration = Duration::from_hours(7 * 24);

struct Session {
    token: Digest,
    began: Instant,
    used: Instant,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.used) >= IDLE || now.duration_since(self.began) >= LONGEST
    }
}

/// The sessions, by the digest of their id: what lies in memory signs nobody in.
#[derive(Default)]
pub(crate) struct Sessions {
    open: Mutex<HashMap<Digest, Session>>,
}

impl Sessions {
    /// Begins a session for who showed `token`, and gives its id: 256 random bits in hexadecimal.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(crate) fn begin(&self, token: &Token, now: Instant) -> Result<String, Problem> {
        let mut random = [0; 32];
        getrandom::fill(&mut random)
            .map_err(|_| Problem::new(Kind::Internal, "the system gives no random numbers"))?;
        let id = Digest(random).to_string();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut open, token.digest, now);
        let session = Session {
            token: token.digest,
            began: now,
            used: now,
        };
        open.insert(Digest::of(id.as_bytes()), session);
        Ok(id)
    }

    /// The session that the cookie of a request names, by the digest of its id, and the live token behind it.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn find(
        &self,
        headers: &HeaderMap,
        tokens: &Tokens,
    ) -> Result<Option<(Digest, Token)>, Problem> {
        let Some(id) = cookie(headers, COOKIE).map(|id| Digest::of(id.as_bytes())) else {
            return Ok(None);
        };
        let Some(token) = self.use_at(id, Instant::now()) else {
            return Ok(None);
        };
        let token = tokens.live(token).await?;
        if token.is_none() {
            self.open
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&id);
        }
        Ok(token.map(|token| (id, token)))
    }

    /// Whether the session with this digest of its id goes on; to look does not count as its use.
    pub(super) fn is_open(&self, id: Digest) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&id)
            .is_some_and(|session| !session.is_over(Instant::now()))
    }

    fn use_at(&self, id: Digest, now: Instant) -> Option<Digest> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get_mut(&id)?;
        if session.is_over(now) {
            open.remove(&id);
            return None;
        }
        session.used = now;
        Some(session.token)
    }

    /// Ends the session that a request names.
    pub(crate) fn end(&self, headers: &HeaderMap) {
        if let Some(id) = cookie(headers, COOKIE) {
            let id = Digest::of(id.as_bytes());
            self.open
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&id);
        }
    }
}

/// Ends what is over, and the stalest session where there are too many: of `token`, or of all.
fn make_room(open: &mut HashMap<Digest, Session>, token: Digest, now: Instant) {
    let is_its_own = |session: &Session| session.token == token;
    if open.len() >= MOST_SESSIONS {
        open.retain(|_, session| !session.is_over(now));
    }
    if open.values().filter(|session| is_its_own(session)).count() >= MOST_OF_ONE_TOKEN {
        end_stalest(open, is_its_own);
    }
    if open.len() >= MOST_SESSIONS {
        end_stalest(open, |_| true);
    }
}

fn end_stalest(open: &mut HashMap<Digest, Session>, among: impl Fn(&Session) -> bool) {
    let among = open.iter().filter(|(_, session)| among(session));
    let stalest = among.min_by_key(|(_, session)| session.used);
    if let Some(id) = stalest.map(|(id, _)| *id) {
        open.remove(&id);
    }
}

/// The value of the first cookie of this name.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let pairs = headers.get_all(header::COOKIE).iter();
    let mut pairs = pairs
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The cookie that carries `id`, or that takes it away when there is none. No script reads it, no other site's page makes a
/// browser send it, and where the page came over TLS it never goes without.
pub(crate) fn set_cookie(id: Option<&str>, secure: bool) -> HeaderValue {
    let mut text = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict", id.unwrap_or(""));
    let seconds = id.map_or(0, |_| LONGEST.as_secs());
    // Writing into a string does not fail.
    let _ = write!(text, "; Max-Age={seconds}");
    if secure {
        text.push_str("; Secure");
    }
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Whether the page came over TLS, which a proxy in front of us speaks: the browser says so in `Origin`, the proxy in
/// `X-Forwarded-Proto`. Whoever lies here only gets a cookie that is sent less often.
pub(crate) fn is_secure(headers: &HeaderMap) -> bool {
    let begins = |name: &str, prefix: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| value.starts_with(prefix))
    };
    begins("origin", "https://") || begins("x-forwarded-proto", "https")
}

#[cfg(test)]
mod tests {
    use pilotage_core::{Timestamp, ports::Role};

    use super::*;

    fn token(text: &str) -> Token {
        Token {
            name: text.to_owned(),
            role: Role::Viewer,
            digest: Digest::of(text.as_bytes()),
            created_at: Timestamp::default(),
        }
    }

    fn used(sessions: &Sessions, id: &str, now: Instant) -> bool {
        sessions.use_at(Digest::of(id.as_bytes()), now).is_some()
    }

    #[test]
    fn a_session_ends_by_disuse_and_by_age() {
        let (sessions, begun) = (Sessions::default(), Instant::now());
        let hour = Duration::from_hours(1);
        let idle = sessions.begin(&token("a"), begun).unwrap();
        assert!(used(&sessions, &idle, begun + 11 * hour));
        assert!(used(&sessions, &idle, begun + 22 * hour));
        assert!(!used(&sessions, &idle, begun + 34 * hour));
        let busy = sessions.begin(&token("a"), begun).unwrap();
        assert!((1..=16).all(|times| used(&sessions, &busy, begun + 10 * times * hour)));
        assert!(!used(&sessions, &busy, begun + 7 * 24 * hour));
        assert!(!used(&sessions, "guessed", begun));
    }

    #[test]
    fn the_number_of_sessions_is_bounded_and_the_stalest_goes() {
        let (sessions, begun) = (Sessions::default(), Instant::now());
        let first = sessions.begin(&token("a"), begun).unwrap();
        let second = sessions
            .begin(&token("a"), begun + Duration::from_secs(1))
            .unwrap();
        assert!(used(&sessions, &first, begun + Duration::from_secs(2)));
        for number in 0..MOST_SESSIONS - 1 {
            sessions
                .begin(&token(&number.to_string()), begun + Duration::from_secs(3))
                .unwrap();
        }
        assert_eq!(sessions.open.lock().unwrap().len(), MOST_SESSIONS);
        let later = begun + Duration::from_secs(4);
        assert!(used(&sessions, &first, later) && !used(&sessions, &second, later));
    }

    #[test]
    fn one_token_does_not_push_out_the_sessions_of_others() {
        let (sessions, begun) = (Sessions::default(), Instant::now());
        let second = Duration::from_secs(1);
        let others = sessions.begin(&token("a"), begun).unwrap();
        let first = sessions.begin(&token("b"), begun + second).unwrap();
        for _ in 0..MOST_SESSIONS {
            sessions.begin(&token("b"), begun + 2 * second).unwrap();
        }
        assert_eq!(sessions.open.lock().unwrap().len(), MOST_OF_ONE_TOKEN + 1);
        let later = begun + 3 * second;
        assert!(used(&sessions, &others, later) && !used(&sessions, &first, later));
    }

    #[test]
    fn the_cookie_is_found_among_others_and_is_kept_from_scripts_and_other_sites() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("a=b; pilotage_sessions=x"),
        );
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("c=d; pilotage_session=1f"),
        );
        assert_eq!(cookie(&headers, COOKIE), Some("1f"));
        let text = set_cookie(Some("1f"), true);
        assert_eq!(
            text,
            "pilotage_session=1f; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800; Secure"
        );
        let gone = set_cookie(None, false);
        assert_eq!(
            gone,
            "pilotage_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
        );
    }
}
