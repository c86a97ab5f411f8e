//! Certificates that change while people work: new handshakes see the new one, and nobody else notices.

use std::path::Path;
use std::time::Duration;

use super::super::support::{AtHub, Authority, Pair, RawHub, Site, Sketch, Wire, logged};
use super::{LISTEN, SITE, client, secured, site};

async fn shown(authority: &Authority, site: &Site) -> Vec<u8> {
    client(authority, site).await.session().peer_certificates().unwrap()[0].to_vec()
}

async fn until_shown(authority: &Authority, site: &Site, pair: &Pair) {
    for _ in 0..200 {
        if shown(authority, site).await == pair.der().to_vec() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the new certificate is not shown: {:#}", site.status().await["config"]);
}

/// A WebSocket and a download that both go on.
struct Busy {
    socket: (Wire, AtHub),
    download: (Wire, AtHub),
}

impl Busy {
    async fn at(authority: &Authority, site: &Site, hub: &mut RawHub) -> Self {
        let mut socket = client(authority, site).await;
        socket
            .say(
                "GET /user/ada/ws HTTP/1.1\r\nHost: site.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )
            .await;
        let mut at_socket = hub.request().await;
        at_socket
            .wire
            .say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            .await;
        socket.head().await;
        let mut download = client(authority, site).await;
        download.say("GET /user/ada/big HTTP/1.1\r\nHost: site.example\r\n\r\n").await;
        let mut at_download = hub.request().await;
        at_download.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nfirst half").await;
        download.until("first half").await;
        Self { socket: (socket, at_socket), download: (download, at_download) }
    }

    async fn goes_on(mut self) {
        let (client, hub) = &mut self.socket;
        client.say("question").await;
        assert_eq!(hub.wire.bytes(8).await, "question");
        hub.wire.say("answer").await;
        assert_eq!(client.bytes(6).await, "answer");
        let (client, hub) = &mut self.download;
        hub.wire.say("other half").await;
        assert_eq!(client.bytes(10).await, "other half");
        // Its connection carries more requests, with the certificate of its handshake.
        client.say("GET /_chp_healthz HTTP/1.1\r\nHost: site\r\n\r\n").await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    }
}

fn rename_over(folder: &Path, pair: &Pair) {
    for (name, text) in [("site.crt", &pair.cert), ("site.key", &pair.key)] {
        let new = folder.join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, folder.join(name)).unwrap();
    }
}

/// A release of a secret as Kubernetes mounts it: the files in a folder of their own, `..data` leads there.
fn release(folder: &Path, name: &str, pair: &Pair) {
    std::fs::create_dir_all(folder.join(name)).unwrap();
    pair.write(&folder.join(name), "site");
    let _ = std::fs::remove_file(folder.join("..data_tmp"));
    std::os::unix::fs::symlink(name, folder.join("..data_tmp")).unwrap();
    std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

#[tokio::test]
async fn files_that_are_renamed_over_the_old_ones_are_shown_while_a_websocket_and_a_download_go_on() {
    let (authority, mut hub, site) = site().await;
    let busy = Busy::at(&authority, &site, &mut hub).await;
    let new = authority.signs_for(&[SITE], (2026, 1, 1), (2090, 1, 1));

    rename_over(site.file.parent().unwrap(), &new);

    until_shown(&authority, &site, &new).await;
    busy.goes_on().await;
    let status = site.status().await;
    assert_eq!(status["certificates"][0]["not_after"], 3_786_912_000_u64);
    assert_eq!(status["config"]["last_reload"]["accepted"], true);
}

#[tokio::test]
async fn a_secret_that_kubernetes_swaps_is_shown_while_a_websocket_and_a_download_go_on() {
    let (authority, mut hub) = (Authority::new("site"), RawHub::start().await);
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (authority.signs(&[SITE]), authority.signs(&[SITE]));
    release(folder.path(), "..2026_1", &old);
    for name in ["site.crt", "site.key"] {
        std::os::unix::fs::symlink(format!("..data/{name}"), folder.path().join(name)).unwrap();
    }
    let mounted = |name: &str| folder.path().join(name).display().to_string();
    let listen = LISTEN.replace("site.crt", &mounted("site.crt")).replace("site.key", &mounted("site.key"));
    let site = Sketch::with_raw_hub(&hub).configured(&listen).start().await;
    assert_eq!(shown(&authority, &site).await, old.der().to_vec());
    let busy = Busy::at(&authority, &site, &mut hub).await;

    release(folder.path(), "..2026_2", &new);
    std::fs::remove_dir_all(folder.path().join("..2026_1")).unwrap();

    until_shown(&authority, &site, &new).await;
    busy.goes_on().await;
}

#[tokio::test]
async fn files_that_are_written_in_place_one_after_the_other_are_shown_once_they_fit() {
    let (authority, _hub, site) = site().await;
    let before = shown(&authority, &site).await;
    let (folder, new) = (site.file.parent().unwrap(), authority.signs(&[SITE]));
    std::fs::write(folder.join("site.crt"), &new.cert).unwrap();
    site.until_reloaded(false).await;
    assert_eq!(shown(&authority, &site).await, before);

    std::fs::write(folder.join("site.key"), &new.key).unwrap();

    until_shown(&authority, &site, &new).await;
}

#[tokio::test]
async fn a_broken_or_untimely_new_certificate_is_refused_loudly_and_the_old_one_stays() {
    let (authority, _hub, site) = site().await;
    let folder = site.file.parent().unwrap();
    let before = shown(&authority, &site).await;
    let other = authority.signs(&[SITE]);
    let expired = authority.signs_for(&[SITE], (2019, 1, 1), (2020, 1, 1));
    let early = authority.signs_for(&[SITE], (2090, 1, 1), (2091, 1, 1));
    let cut = Pair { cert: other.cert[..200].to_owned(), key: other.key.clone() };
    let crossed = Pair { cert: other.cert.clone(), key: expired.key.clone() };
    for (pair, key, words) in [
        (&cut, "cert", "line 1 cannot be read"),
        (&crossed, "key", "is not the key of"),
        (&expired, "cert", "expired on 2020-01-01"),
        (&early, "cert", "not valid before 2090-01-01"),
    ] {
        rename_over(folder, pair);
        site.until(&format!("it is refused: {words}"), |status| {
            let reload = &status["config"]["last_reload"];
            reload["accepted"] == false && reload["problems"].to_string().contains(words)
        })
        .await;
        let status = site.status().await;
        let problem = &status["config"]["last_reload"]["problems"][0];
        assert_eq!(problem["key"], format!("listen[0].tls.certificates[0].{key}"));
        assert!(!problem["hint"].as_str().unwrap().is_empty());
        assert_eq!(shown(&authority, &site).await, before, "{words}");
        assert!(logged::lines_with(&folder.display().to_string()).iter().any(|line| line.contains(words)));
        let secret = pair.key.lines().nth(1).unwrap();
        assert!(!status.to_string().contains(secret) && logged::lines_with(secret).is_empty());
    }

    rename_over(folder, &other);

    until_shown(&authority, &site, &other).await;
}

#[tokio::test]
async fn a_router_starts_with_a_certificate_that_has_expired_and_its_configuration_can_be_changed() {
    let authority = Authority::new("site");
    let expired = authority.signs_for(&[SITE], (2019, 1, 1), (2020, 1, 1));
    let site = secured(Sketch::with_hubs(&["hub-a"]), &expired).start().await;
    assert_eq!(site.status().await["certificates"][0]["state"], "expired");

    site.reconfigure(&format!("{LISTEN}\nlimits: {{uri_bytes: 1KiB}}\n"));

    site.until_reloaded(true).await;
    site.until("it was warned of", |_| {
        let lines = logged::lines_with(&site.file.parent().unwrap().display().to_string());
        lines.iter().any(|line| line.contains("expired on 2020-01-01") && line.contains("renew it"))
    })
    .await;
}

#[tokio::test]
async fn a_listener_may_change_between_clear_and_tls_without_losing_its_socket() {
    let (authority, hub) = (Authority::new("site"), RawHub::start().await);
    let pair = authority.signs(&[SITE]);
    let sketch =
        Sketch::with_raw_hub(&hub).with_file("site.crt", &pair.cert).with_file("site.key", &pair.key);
    let site = sketch.start().await;
    let mut before = site.wire().await;
    before.say("GET /_chp_healthz HTTP/1.1\r\nHost: site\r\n\r\n").await;
    before.head().await;

    site.reconfigure(&format!("{LISTEN}\n"));
    site.until_reloaded(true).await;

    assert_eq!(shown(&authority, &site).await, pair.der().to_vec());
    before.say("GET /_chp_healthz HTTP/1.1\r\nHost: site\r\n\r\n").await;
    assert!(before.head().await.starts_with("HTTP/1.1 200 "));
}
