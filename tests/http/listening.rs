//! Listen addresses.

use calico_bgp_exporter::http::{ListenAddress, bind};

fn parse(text: &str) -> Result<ListenAddress, String> {
    text.parse()
        .map_err(|error: calico_bgp_exporter::http::AddressError| error.to_string())
}

#[test]
fn what_may_be_written() {
    assert_eq!(parse(":19324"), Ok(ListenAddress::Any(19324)));
    assert_eq!(parse("[::1]:80"), Ok(ListenAddress::Host("::1".into(), 80)));
    assert_eq!(
        parse("0.0.0.0:80"),
        Ok(ListenAddress::Host("0.0.0.0".into(), 80))
    );
    assert_eq!(
        parse("localhost:0"),
        Ok(ListenAddress::Host("localhost".into(), 0))
    );
    for text in [":19324", "[::1]:80", "localhost:0"] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn what_may_not_is_answered_with_what_to_write() {
    let advice = [
        ("19324", "write :19324"),
        ("localhost", "write HOST:PORT or :PORT"),
        ("localhost:http", "write a port from 0 to 65535"),
        ("localhost:70000", "write a port from 0 to 65535"),
        ("::1:80", "write [::1]:80"),
        ("[::1:80", "write [IPV6-ADDRESS]:PORT"),
        ("[localhost]:80", "write [IPV6-ADDRESS]:PORT"),
        ("", "write HOST:PORT or :PORT"),
    ];
    for (text, expected) in advice {
        let error = parse(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

#[test]
fn every_address_is_both_families() {
    block_on(async {
        let listeners = bind(&[ListenAddress::Any(0)]).await.unwrap();
        let port = listeners[0].local_addr().unwrap().port();
        std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        if listeners[0].local_addr().unwrap().is_ipv6() {
            std::net::TcpStream::connect(("::1", port)).unwrap();
        }
        let taken = bind(&[ListenAddress::Any(port)]).await.unwrap_err();
        let expected = format!("cannot listen on :{port}: Address already in use");
        assert!(taken.to_string().starts_with(&expected), "{taken}");
    });
}

#[test]
fn several_addresses_and_names() {
    block_on(async {
        let addresses = ["127.0.0.1:0", "127.0.0.2:0", "localhost:0"].map(|a| a.parse().unwrap());
        let listeners = bind(&addresses).await.unwrap();
        assert!(listeners.len() >= 3);
        let nowhere = ListenAddress::Host("192.0.2.1".into(), 0);
        assert!(bind(&[nowhere]).await.is_err());
    });
}
