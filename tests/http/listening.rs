//! Binding of listen addresses.

use calico_bgp_exporter::http::{ListenAddress, bind};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

#[test]
fn every_address_is_both_families() {
    block_on(async {
        let listeners = bind(&[ListenAddress::Any(0)]).unwrap();
        let port = listeners[0].local_addr().unwrap().port();
        std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        if listeners[0].local_addr().unwrap().is_ipv6() {
            std::net::TcpStream::connect(("::1", port)).unwrap();
        }
        let taken = bind(&[ListenAddress::Any(port)]).unwrap_err();
        assert_eq!(taken.to_string(), format!("cannot listen on :{port}"));
    });
}

#[test]
fn several_addresses_and_names() {
    block_on(async {
        let addresses = ["127.0.0.1:0", "127.0.0.2:0", "localhost:0"].map(|a| a.parse().unwrap());
        let listeners = bind(&addresses).unwrap();
        assert!(listeners.len() >= 3);
        let nowhere = ListenAddress::Host("192.0.2.1".into(), 0);
        assert!(bind(&[nowhere]).is_err());
    });
}
