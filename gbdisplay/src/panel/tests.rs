use skerry_panel_proto::Keys;

use super::*;
use crate::facts::{Agent, Alert, Decision, Port};
use crate::font;

const A: Keys = Keys::A;
const B: Keys = Keys::B;

fn alert(id: u64) -> Alert {
    Alert {
        id,
        text: "peer n2 is down".into(),
        age_s: 3,
    }
}

fn decision(id: u64) -> Decision {
    Decision {
        id,
        text: "probe".into(),
        state: "WAITS".into(),
    }
}

fn facts() -> Facts {
    let port = |n: usize| Port {
        name: format!("n1/p{n}").into(),
        ..Port::default()
    };
    Facts {
        ports: (0..20).map(port).collect(),
        agent: Some(Agent {
            decisions: vec![decision(9), decision(8)],
            ..Agent::default()
        }),
        ..Facts::default()
    }
}

/// A panel and the time; facts come four times a second, and a console shows everything soon.
struct Bench {
    panel: Panel,
    facts: Facts,
    now_us: u64,
    is_slow: bool,
}

impl Bench {
    fn new(facts: Facts) -> Self {
        let panel = Panel::new(Pages::built_in().unwrap());
        let mut bench = Self {
            panel,
            facts,
            now_us: 0,
            is_slow: false,
        };
        bench.facts();
        bench
    }

    fn facts(&mut self) {
        self.panel.handle_facts(self.now_us, self.facts.clone());
    }

    fn run(&mut self, us: u64) {
        let until = self.now_us + us;
        while self.now_us < until {
            self.now_us += 10_000;
            if self.now_us.is_multiple_of(250_000) {
                self.facts();
            }
            self.panel.handle_timeout(self.now_us);
            if !self.is_slow {
                self.panel.handle_shown(self.now_us);
            }
        }
    }

    /// Presses a key for 100 ms.
    fn press(&mut self, keys: Keys) {
        self.panel.handle_keys(self.now_us, keys);
        self.run(100_000);
        self.panel.handle_keys(self.now_us, Keys::default());
        self.run(30_000);
    }

    fn page(&mut self, name: &str) {
        for _ in 0..7 {
            if self.panel.pages.get(self.panel.page).unwrap().name() == name {
                return;
            }
            self.press(Keys::SELECT);
        }
        panic!("no page {name}");
    }

    fn events(&mut self) -> Vec<What> {
        std::iter::from_fn(|| self.panel.poll_event())
            .map(|it| it.what)
            .collect()
    }

    fn text(&self) -> String {
        self.panel.picture(self.now_us).text()
    }
}

fn navigated(page: &str, entry: usize, is_open: bool) -> What {
    What::Navigated {
        page: page.to_owned(),
        entry,
        is_open,
    }
}

#[test]
fn select_goes_round_the_pages_and_left_goes_back() {
    let mut bench = Bench::new(facts());
    for page in ["ports", "throughput"] {
        bench.press(Keys::SELECT);
        assert_eq!(bench.events(), [navigated(page, 0, false)]);
    }
    for page in ["ports", "overview", "violations"] {
        bench.press(Keys::LEFT);
        assert_eq!(bench.events(), [navigated(page, 0, false)]);
    }
    bench.press(Keys::SELECT);
    assert_eq!(bench.events(), [navigated("overview", 0, false)]);
}

#[test]
fn the_number_of_a_page_is_whole_however_many_there_are() {
    let page = |n: usize| Page::parse(&n.to_string(), "", "title = 'A'").unwrap();
    for (count, numbers) in [
        (7, &["1/7", "7/7"][..]),
        (12, &["1/12", "9/12", "10", "12"]),
        (32, &["1/32", "32"]),
    ] {
        let pages = Pages::new((1..=count).map(page).collect()).unwrap();
        let mut panel = Panel::new(pages);
        for number in numbers {
            let name = number.split('/').next().unwrap();
            assert!(panel.open_page(name));
            let picture = panel.picture(0);
            let shown = picture.row(0)[15..19].trim_ascii();
            assert_eq!(str::from_utf8(shown), Ok(*number));
        }
    }
}

#[test]
fn a_list_scrolls_opens_and_closes() {
    let mut bench = Bench::new(facts());
    bench.page("ports");
    for _ in 0..25 {
        bench.press(Keys::DOWN);
    }
    bench.press(Keys::UP);
    bench.events();
    assert!(bench.text().contains(">  n1/p18"), "{}", bench.text());
    bench.press(A);
    assert_eq!(bench.events(), [navigated("ports", 18, true)]);
    assert!(bench.text().contains("LINK"), "{}", bench.text());
    bench.press(B);
    assert_eq!(bench.events(), [navigated("ports", 18, false)]);
    bench.press(B);
    assert_eq!(bench.events(), [navigated("overview", 0, false)]);
    bench.press(B);
    assert_eq!(bench.events(), []);
}

#[test]
fn the_cursor_stays_with_its_entry() {
    let mut bench = Bench::new(facts());
    bench.page("ports");
    bench.press(Keys::DOWN);
    bench.facts.ports.insert(0, Port::default());
    bench.facts();
    assert!(bench.text().contains(">  n1/p1 "), "{}", bench.text());
    bench.facts.ports.clear();
    bench.facts();
    assert!(bench.text().contains("NO PORTS"), "{}", bench.text());
    bench.press(A);
    bench.press(Keys::DOWN);
    assert_eq!(
        bench
            .text()
            .lines()
            .filter(|it| it.starts_with('>'))
            .count(),
        0
    );
}

#[test]
fn an_alert_comes_before_any_page_until_a_is_pressed() {
    let mut bench = Bench::new(facts());
    bench.page("ports");
    bench.events();
    bench.facts.alerts = vec![alert(5), alert(6)];
    bench.facts();
    let picture = bench.panel.picture(bench.now_us);
    assert_eq!((picture.beep, picture.blinking != 0), (ALARM, true));
    assert!(bench.text().contains("peer n2 is down"), "{}", bench.text());
    for keys in [Keys::SELECT, B, Keys::DOWN] {
        bench.press(keys);
    }
    assert_eq!(bench.events(), []);
    bench.run(GUARD_US);
    bench.press(A);
    let after_ms = 880;
    assert_eq!(bench.events(), [What::Acknowledged { alert: 5, after_ms }]);
    // The next one is not taken away by the same thumb.
    bench.press(A);
    assert_eq!(bench.events(), []);
    bench.run(GUARD_US);
    bench.press(A);
    assert!(matches!(
        bench.events()[..],
        [What::Acknowledged { alert: 6, .. }]
    ));
    let picture = bench.panel.picture(bench.now_us);
    assert_eq!((picture.beep, picture.blinking), (0, 0));
    assert!(bench.text().contains("PORTS"), "{}", bench.text());
    assert!(bench.text().contains("⚠2 peer"), "{}", bench.text());
}

#[test]
fn more_alerts_than_a_list_has_room_for_stay_acknowledged() {
    let mut bench = Bench::new(facts());
    let old: Vec<Alert> = (0..80).rev().map(alert).collect();
    bench.facts.alerts = old.clone();
    bench.facts();
    bench.run(GUARD_US);
    for _ in 0..80 {
        bench.run(GUARD_US);
        bench.press(A);
    }
    assert_eq!(bench.panel.alert(), None, "{}", bench.text());
    assert_eq!(bench.panel.number, 80);
    bench.facts.alerts = (80..140).rev().map(alert).chain(old.clone()).collect();
    bench.facts();
    bench.facts.alerts = old;
    bench.facts();
    assert_eq!(bench.panel.alert(), None, "{}", bench.text());
}

#[test]
fn decisions_are_approved_and_vetoed_by_number() {
    let mut bench = Bench::new(facts());
    bench.page("agent");
    bench.run(GUARD_US);
    bench.events();
    bench.press(A);
    bench.press(Keys::DOWN);
    bench.run(GUARD_US);
    bench.press(B);
    assert_eq!(
        bench.events(),
        [
            What::Approved { decision: 9 },
            navigated("agent", 1, false),
            What::Vetoed { decision: 8 }
        ]
    );
}

/// On the page of decisions, which has been looked at for long.
fn at_decisions() -> Bench {
    let mut bench = Bench::new(facts());
    bench.page("agent");
    bench.run(1_000_000);
    bench.events();
    bench
}

/// A right after what was done so far does nothing, and approves that once it has been seen.
#[track_caller]
fn check_unseen(bench: &mut Bench, decision: u64) {
    bench.events();
    bench.run(50_000);
    bench.press(A);
    assert_eq!(bench.events(), [], "{}", bench.text());
    bench.run(GUARD_US);
    bench.press(A);
    assert_eq!(bench.events(), [What::Approved { decision }]);
}

#[test]
fn what_comes_to_light_when_an_alert_ends_is_not_decided() {
    let mut bench = at_decisions();
    bench.facts.alerts = vec![alert(5)];
    bench.facts();
    bench.run(1_000_000);
    bench.facts.alerts.clear();
    bench.facts();
    check_unseen(&mut bench, 9);
}

#[test]
fn what_an_acknowledgement_uncovers_is_not_decided_by_the_same_thumb() {
    let mut bench = at_decisions();
    bench.facts.alerts = vec![alert(5)];
    bench.facts();
    bench.run(1_000_000);
    bench.press(A);
    let events = bench.events();
    assert!(
        matches!(events[..], [What::Acknowledged { alert: 5, .. }]),
        "{events:?}"
    );
    check_unseen(&mut bench, 9);
}

#[test]
fn a_page_that_was_just_turned_to_is_not_decided_on() {
    let mut bench = at_decisions();
    bench.press(Keys::LEFT);
    bench.press(Keys::RIGHT);
    check_unseen(&mut bench, 9);
}

#[test]
fn an_entry_that_the_cursor_just_went_to_is_not_decided() {
    let mut bench = at_decisions();
    bench.press(Keys::DOWN);
    check_unseen(&mut bench, 8);
}

#[test]
fn a_decision_that_says_something_else_now_is_not_decided() {
    let mut bench = at_decisions();
    let agent = bench.facts.agent.as_mut().unwrap();
    agent.decisions[0].text = "sleep n4 nic".into();
    bench.facts();
    check_unseen(&mut bench, 9);
}

#[test]
fn what_the_console_has_not_shown_is_neither_decided_nor_acknowledged() {
    let mut bench = at_decisions();
    bench.is_slow = true;
    bench.facts.alerts = vec![alert(5)];
    bench.facts();
    bench.run(1_000_000);
    bench.press(A);
    assert_eq!(bench.events(), []);
    bench.panel.handle_shown(bench.now_us);
    bench.run(GUARD_US);
    bench.press(A);
    let after_ms = GUARD_US / 1_000;
    assert_eq!(bench.events(), [What::Acknowledged { alert: 5, after_ms }]);
    bench.panel.handle_shown(bench.now_us);
    // The cable is out: the console may have been switched off.
    bench.panel.handle_lost();
    check_unseen_when_slow(&mut bench);
}

#[track_caller]
fn check_unseen_when_slow(bench: &mut Bench) {
    bench.run(1_000_000);
    bench.press(A);
    assert_eq!(bench.events(), []);
    bench.panel.handle_shown(bench.now_us);
    bench.run(GUARD_US);
    bench.press(A);
    assert_eq!(bench.events(), [What::Approved { decision: 9 }]);
}

#[test]
fn a_decision_that_came_under_the_thumb_is_not_decided() {
    let mut bench = Bench::new(facts());
    bench.page("agent");
    bench.run(GUARD_US);
    bench.events();
    bench.facts.agent.as_mut().unwrap().decisions = vec![decision(10)];
    bench.facts();
    bench.press(A);
    assert_eq!(bench.events(), []);
    bench.run(GUARD_US);
    bench.press(A);
    assert_eq!(bench.events(), [What::Approved { decision: 10 }]);
}

#[test]
fn start_for_a_second_pauses_and_lets_go_on() {
    let mut bench = Bench::new(facts());
    bench.panel.handle_keys(bench.now_us, Keys::START);
    bench.run(990_000);
    assert_eq!(bench.events(), []);
    bench.run(10_000);
    assert_eq!(bench.events(), [What::Pause]);
    bench.panel.handle_keys(bench.now_us, Keys::default());
    bench.facts.agent.as_mut().unwrap().is_paused = true;
    bench.facts();
    assert!(bench.text().contains("PAUSE"), "{}", bench.text());
    bench.run(50_000);
    bench.panel.handle_keys(bench.now_us, Keys::START);
    bench.run(1_000_000);
    assert_eq!(bench.events(), [What::Resume]);
}

#[test]
fn old_facts_are_stale_and_nothing_is_decided_on_them() {
    let mut bench = Bench::new(facts());
    bench.page("agent");
    bench.run(GUARD_US);
    bench.facts();
    bench.events();
    let heart = |bench: &Bench, after| {
        let picture = bench.panel.picture(bench.now_us + after);
        font::character(picture.row(0)[19])
    };
    let beats: Vec<char> = (0..4).map(|it| heart(&bench, it * HEART_US)).collect();
    assert!(beats == ['♥', '♡', '♥', '♡'] || beats == ['♡', '♥', '♡', '♥']);
    bench.now_us += STALE_US;
    assert!(!bench.text().contains("STALE"));
    bench.now_us += 1;
    assert!(bench.text().contains("STALE"), "{}", bench.text());
    assert_eq!((heart(&bench, 0), heart(&bench, HEART_US)), ('✗', '✗'));
    bench.panel.handle_keys(bench.now_us, A);
    bench.panel.handle_keys(bench.now_us, Keys::START);
    bench.panel.handle_timeout(bench.now_us + 2_000_000);
    assert_eq!(bench.events(), []);
}

#[test]
fn events_that_nobody_takes_are_bounded() {
    let mut bench = Bench::new(facts());
    for _ in 0..200 {
        bench.panel.handle_keys(bench.now_us, Keys::SELECT);
        bench.panel.handle_keys(bench.now_us, Keys::default());
        bench.now_us += 50_000;
    }
    assert_eq!(bench.panel.events.len(), EVENTS_MAX);
    assert_eq!(bench.panel.poll_event().unwrap().number, 200 - 63);
}
