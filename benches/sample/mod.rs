//! What the benches read and write: answers and snapshots of a node with many sessions.

use calico_bgp_exporter::bird::reply::Reply;
use calico_bgp_exporter::bird::show_protocols::{Answer, Blocks, Protocols};
use calico_bgp_exporter::metrics::{Detail, Format, Renderer};
use calico_bgp_exporter::model::snapshot::Snapshot;
use std::sync::Arc;

#[path = "../../tests/fixture/mod.rs"]
mod fixture;

/// `show protocols all` of BIRD 1.6.8 with `sessions` sessions, every second one established.
pub fn answer(sessions: usize) -> Vec<u8> {
    let mut text = String::from("2002-name     proto    table    state  since       info\n");
    for number in 0..sessions {
        let address = format!("10.1.{}.{}", number / 250, number % 250 + 1);
        let name = format!("Mesh_{}", address.replace('.', "_"));
        let up = number % 2 == 0;
        let (state, info) = if up {
            ("up    ", "Established   ")
        } else {
            ("start ", "Active        Socket: No route to host")
        };
        text.push_str(&format!(
            "1002-{name} BGP      master   {state} 12:46:18    {info}\n1006-  Description:    Connection to BGP peer\n   \
             Preference:     100\n   Input filter:   ACCEPT\n   Output filter:  (unnamed)\n"
        ));
        if up {
            text.push_str(
                "   Routes:         1 imported, 1 exported, 1 preferred\n   \
                 Route change stats:     received   rejected   filtered    ignored   accepted\n     \
                 Import updates:              1          0          0          0          1\n     \
                 Import withdraws:            0          0        ---          0          0\n     \
                 Export updates:             13          3          9        ---          1\n     \
                 Export withdraws:            3        ---        ---        ---          0\n   \
                 BGP state:          Established\n",
            );
        } else {
            text.push_str("   BGP state:          Active\n");
        }
        text.push_str(&format!(
            "     Neighbor address: {address}\n     Neighbor AS:      64512\n"
        ));
        if up {
            text.push_str(
                "     Neighbor ID:      10.0.3.142\n     Neighbor caps:    refresh restart-able AS4\n     \
                 Session:          internal multihop AS4\n     Source address:   10.0.3.141\n     \
                 Hold timer:       210/240\n     Keepalive timer:  43/80\n",
            );
        } else {
            text.push_str("     Last error:       Socket: No route to host\n");
        }
        text.push_str(" \n");
    }
    text.push_str("0000 \n");
    text.into_bytes()
}

/// Reads an answer as the daemon does, in pieces of a read. `blocks` are those of the answer before.
pub fn parse(answer: &[u8], blocks: Blocks) -> (Answer, Blocks) {
    let mut protocols = Protocols::after(blocks, false);
    let mut reply = Reply::new(1 << 30);
    for piece in answer.chunks(64 * 1024) {
        reply.push(piece, &mut protocols).expect("BIRD's grammar");
    }
    protocols.finish_and_keep().expect("a whole answer")
}

/// A snapshot with that many sessions, every second one down.
pub fn snapshot(sessions: usize) -> Arc<Snapshot> {
    Arc::new(fixture::mesh(sessions, Some(2)))
}

/// A renderer that has rendered nothing yet.
pub fn renderer() -> Renderer {
    Renderer::new(fixture::labels(), Detail::default())
}

/// Bytes of the exposition of `snapshot`.
pub fn encode(renderer: &mut Renderer, snapshot: &Arc<Snapshot>, format: Format) -> usize {
    let mut out = String::new();
    renderer
        .render(snapshot, fixture::AT, format, &mut out)
        .expect("a string takes everything");
    out.len()
}
