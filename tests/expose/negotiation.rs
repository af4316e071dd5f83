//! `Accept` and `Accept-Encoding`.

use calico_bgp_exporter::metrics::Format;
use calico_bgp_exporter::metrics::negotiate::{format, gzip};
use proptest::prelude::*;

#[test]
fn what_clients_send() {
    use Format::{OpenMetrics, Text};
    let cases = [
        ("", Text),
        ("*/*", Text),
        // A browser.
        (
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            Text,
        ),
        // Prometheus 2.42.
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OpenMetrics,
        ),
        // Prometheus 3.
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            OpenMetrics,
        ),
        // Prometheus 3 with native histograms.
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            OpenMetrics,
        ),
        // Prometheus 3 told to scrape text (scrape_protocols: [PrometheusText0.0.4]).
        ("text/plain;version=0.0.4;q=0.2,*/*;q=0.1", Text),
        ("text/plain;version=1.0.0;escaping=allow-utf-8", Text),
        ("application/openmetrics-text", OpenMetrics),
        (
            "Application/OpenMetrics-Text; Version=\"1.0.0\"",
            OpenMetrics,
        ),
        ("application/openmetrics-text; version=0.0.1", Text),
        ("application/openmetrics-text; version=2.0.0", Text),
        ("application/openmetrics-text;q=0, */*", Text),
        ("application/openmetrics-text;q=0.3, text/plain;q=0.4", Text),
        (
            "application/openmetrics-text;q=0.4, text/plain;q=0.4",
            OpenMetrics,
        ),
        ("text/plain, application/openmetrics-text", Text),
        ("text/plain;q=0, */*", OpenMetrics),
        ("application/*", OpenMetrics),
        ("text/*;q=0.5, application/openmetrics-text;q=0.4", Text),
        ("application/json", Text),
        ("application/openmetrics-text;q=2", Text),
        ("application/openmetrics-text;q=0.1234", Text),
        ("application/openmetrics-text;q=", Text),
        (";;;,,,===\"", Text),
    ];
    for (accept, expected) in cases {
        assert_eq!(format([accept]), expected, "{accept}");
    }
    assert_eq!(format([]), Text);
    assert_eq!(
        format(["text/plain;q=0.1", "application/openmetrics-text"]),
        OpenMetrics
    );
}

#[test]
fn encodings() {
    let yes = [
        "gzip",
        "deflate, gzip;q=0.5",
        "*",
        "GZIP",
        "x-gzip",
        "gzip;q=0.001",
        "br, *;q=0.1",
    ];
    let no = [
        "",
        "identity",
        "gzip;q=0",
        "gzip;q=0.000",
        "*;q=0",
        "gzip;q=0, *",
        "br",
        "gzip;q=x",
    ];
    for header in yes {
        assert!(gzip([header]), "{header}");
    }
    for header in no {
        assert!(!gzip([header]), "{header}");
    }
    assert!(!gzip([]));
}

proptest! {
    #[test]
    fn no_header_hurts(headers in prop::collection::vec(any::<String>(), 0..4)) {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        format(headers.iter().copied());
        gzip(headers.iter().copied());
    }

    #[test]
    fn no_likely_header_hurts(header in "[a-z*/;,=q.0-9 \"]{0,60}") {
        format([header.as_str()]);
        gzip([header.as_str()]);
    }
}
