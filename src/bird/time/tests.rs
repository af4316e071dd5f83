use super::*;

const DAY_MS: i64 = 86_400_000;
/// 2026-11-21 00:00:00.
const MIDNIGHT: LocalTime = LocalTime {
    millis: 20_778 * DAY_MS,
};

fn column(text: &str) -> Option<Since> {
    since(super::super::text::words(text.as_bytes()))
}

fn local(millis: i64) -> Since {
    Since::At(BirdTime::Local(LocalTime {
        millis: MIDNIGHT.millis + millis,
    }))
}

#[test]
fn server_times() {
    let at = |text: &str| match bird_time(text.as_bytes()) {
        Some(BirdTime::Local(at)) => Some(at.millis),
        _ => None,
    };
    assert_eq!(at("1970-01-02 00:00:01"), Some(DAY_MS + 1000));
    assert_eq!(at("1970-01-01 00:00:01.5"), Some(1500));
    assert_eq!(at("1970-01-01 00:00:01.123456"), Some(1123));
    assert_eq!(at("02-01-1970 00:00:00"), Some(DAY_MS));
    for bad in [
        "",
        "2026-11-21",
        "08:26:02",
        "2026-13-21 00:00:00",
        "2026-02-31 00:00:00",
        "2025-02-29 00:00:00",
        "0000-01-01 00:00:00",
        "9999-12-31 23:59:59",
        "2026-11-21 24:00:00",
        "2026-11-21 00:00:00.",
        "2026-11-21 0:00:00",
        "2026-11-21 00:00:00 and more",
        "<error> x",
        "99999999999999999999",
    ] {
        assert_eq!(at(bad), None, "{bad}");
    }
    assert_eq!(
        bird_time(b"1795249562.250"),
        Some(BirdTime::Unix(UnixTime {
            millis: 1_795_249_562_250
        }))
    );
}

#[test]
fn since_columns() {
    let of_day = |millis| Some(Since::TimeOfDay { millis });
    let date = Some(Since::Date { midnight: MIDNIGHT });
    let second = Some(local(1000));
    for (text, expected) in [
        ("08:25:55.042 Established", of_day(30_355_042)),
        ("08:25:55", of_day(30_355_000)),
        (
            "08:25:55.042123 Active        Socket: Connection refused",
            of_day(30_355_042),
        ),
        ("2026-11-21 Established", date),
        ("2026-11-21", date),
        // `iso long`, in every number of digits.
        ("2026-11-21 00:00:01 Established", second),
        ("2026-11-21 00:00:01.000 Connect", second),
        ("2026-11-21 00:00:01.000999 Connect", second),
        // `old long`, and its date alone.
        (
            "21-11-2026 00:00:01 Idle          BGP Error: Bad peer AS",
            second,
        ),
        ("21-11-2026", date),
        // Whatever strftime makes.
        ("2026-11-21T00:00:01+0100 Established", second),
        ("2026-11-21T00:00:01Z", second),
        ("2026/11/21 00:00:01", second),
        ("21.11.2026 00:00:01", second),
        ("21.11.26 00:00:01", second),
        ("11/21/26 00:00:01", second),
        ("21/11/2026 00:00:01", second),
        ("21-Nov-2026 00:00:01", second),
        ("Sat Nov 21 00:00:01 2026 Established", second),
        ("Sat, 21 Nov 2026 00:00:01 +0000 Established", second),
        (
            "Saturday 21 November 2026 12:00:01 AM CET Established",
            second,
        ),
        ("07:43:00 PM Established", of_day(70_980_000)),
        ("07:43:00PM Established", of_day(70_980_000)),
        ("12:00:00 AM", of_day(0)),
        ("12:00:00 PM", of_day(43_200_000)),
        // Neither a day nor a month for certain, or no time at all.
        ("05/11/2026 00:00:01", None),
        ("08:25 Established", None),
        ("Nov21 Established", None),
        ("2026 Established", None),
        ("13:00:00 PM", of_day(46_800_000)),
        ("<too-long>", None),
        ("<error>", None),
        ("Established", None),
        ("", None),
        ("2026-02-30 Established", None),
        ("9999-01-01", None),
        ("0000-00-00", None),
        ("25:00:00", None),
        ("08:60:00", None),
    ] {
        assert_eq!(column(text), expected, "{text}");
    }
}

#[test]
fn seconds_since_the_epoch() {
    for (text, millis) in [
        ("1503219650 Established", 1_503_219_650_000),
        (
            "1503219650.125 Active        Socket: Connection refused",
            1_503_219_650_125,
        ),
    ] {
        let expected = Since::At(BirdTime::Unix(UnixTime { millis }));
        assert_eq!(column(text), Some(expected), "{text}");
    }
    for bad in ["0", "12345", "15032196500", "1503219650.x"] {
        assert_eq!(column(bad), None, "{bad}");
    }
}
