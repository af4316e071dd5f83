//! `show status`, and the arithmetic on its times.
#![no_main]

use calico_bgp_exporter::assess::sessions::local_to_unix;
use calico_bgp_exporter::bird::ip_version;
use calico_bgp_exporter::bird::reply::Reply;
use calico_bgp_exporter::bird::status::Status;
use calico_bgp_exporter::model::time::UnixTime;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut status = Status::default();
    let _ = Reply::new(1 << 20).push(data, &mut status);
    let Ok(daemon) = status.finish() else {
        return;
    };
    assert!(!daemon.version.is_empty());
    ip_version(Some(&daemon), "bird.ctl");
    let now = UnixTime::from_secs(1_795_249_562);
    for time in [daemon.last_reboot, daemon.last_reconfiguration] {
        if let (Some(time), Some(server)) = (time, daemon.server_time) {
            local_to_unix(time, server, now);
        }
    }
});
