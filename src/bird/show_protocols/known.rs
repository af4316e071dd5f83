//! The lines that carry nothing we use. They are listed so that a line nobody knows stands out:
//! every text of `show protocols all` from BIRD 1.6 to 3.4, by its key.

/// Whether a line of that key counts down, or counts messages: it carries nothing we use, and has another value each time.
pub fn is_timer(key: &[u8]) -> bool {
    matches!(
        key,
        b"Connect delay"
            | b"Error wait"
            | b"Restart timer"
            | b"LL stale timer"
            | b"Hold timer"
            | b"Keepalive timer"
            | b"Send hold timer"
            | b"Rcvd messages"
            | b"Sent messages"
            | b"Last rcvd update elapsed time"
    )
}

/// Whether a detail line is one of BIRD's; `key` is what stands before its colon, or the whole line.
pub fn is_known(key: &[u8]) -> bool {
    match key {
        // Every protocol and channel.
        b"Description"
        | b"Preference"
        | b"Input filter"
        | b"Output filter"
        | b"Route change stats"
        | b"GR recovery"
        | b"Import limit"
        | b"Receive limit"
        | b"Export limit"
        | b"Action"
        | b"Router ID"
        | b"VRF"
        | b"Created"
        | b"Last autorestart"
        | b"State"
        | b"Import state"
        | b"Export state"
        | b"AltExp state"
        | b"Table" => true,
        // BGP.
        b"Neighbor port"
        | b"Neighbor caps"
        | b"Neighbor GR"
        | b"Error wait"
        | b"Connect delay"
        | b"Restart timer"
        | b"LL stale timer"
        | b"Hold timer"
        | b"Keepalive timer"
        | b"Send hold timer"
        | b"TX pending"
        | b"Route limit"
        | b"BGP Next hop"
        | b"IGP IPv4 table"
        | b"IGP IPv6 table"
        | b"Base table"
        | b"FSM established transitions"
        | b"Rcvd messages"
        | b"Sent messages"
        | b"Last rcvd update elapsed time"
        | b"TCP-AO"
        | b"Current key"
        | b"RNext key"
        | b"Good packets"
        | b"Bad packets" => true,
        // BGP capabilities.
        b"Local capabilities"
        | b"Neighbor capabilities"
        | b"Multiprotocol"
        | b"AF announced"
        | b"Route refresh"
        | b"Extended next hop"
        | b"IPv6 nexthop"
        | b"Extended message"
        | b"Graceful restart"
        | b"Restart time"
        | b"Restart recovery"
        | b"AF supported"
        | b"AF preserved"
        | b"4-octet AS numbers"
        | b"ADD-PATH"
        | b"RX"
        | b"TX"
        | b"Enhanced refresh"
        | b"Long-lived graceful restart"
        | b"LL stale time"
        | b"Hostname"
        | b"Role" => true,
        // Pipe, RPKI, BMP.
        b"Peer table" | b"Import filter" | b"Export filter" | b"Cache server" | b"Cache port"
        | b"Status" | b"Transport" | b"Protocol version" | b"Session ID" | b"Serial number"
        | b"Last update" | b"Refresh timer" | b"Retry timer" | b"Expire timer"
        | b"No roa4 channel" | b"No roa6 channel" | b"No aspa channel" | b"Station address"
        | b"Station port" | b"Local address" | b"Last error" | b"Pending TX" | b"Session TX"
        | b"Total TX" => true,
        // `Pending 0 attribute sets with total 0 prefixes to send` (BIRD 3).
        _ => key.starts_with(b"Pending ") && key.ends_with(b" prefixes to send"),
    }
}
