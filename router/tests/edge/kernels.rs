//! Kernel connections, seen by an independent WebSocket library: messages pass, and outlive what is not their own end.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::support::wire::PATIENCE;
use super::support::{Site, Sketch};

const KERNEL_PROTOCOL: &str = "v1.kernel.websocket.jupyter.org";

/// A kernel's socket, opened by an independent WebSocket library.
struct Kernel {
    socket: WebSocketStream<TcpStream>,
    protocol: Option<String>,
}

impl Kernel {
    async fn open(site: &Site, user: &str) -> Self {
        let token = site.hub(&site.home_of(user)).token_of(user);
        let mut request = format!("ws://{}/user/{user}/api/kernels/1/channels", site.address)
            .into_client_request()
            .unwrap();
        request.headers_mut().insert("authorization", format!("token {token}").parse().unwrap());
        request.headers_mut().insert("sec-websocket-protocol", KERNEL_PROTOCOL.parse().unwrap());
        let stream = TcpStream::connect(site.address).await.unwrap();
        let config = WebSocketConfig::default().max_frame_size(None).max_message_size(None);
        let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
        let (socket, answer) = opened.expect("the kernel's socket opens");
        let protocol =
            answer.headers().get("sec-websocket-protocol").map(|value| value.to_str().unwrap().to_owned());
        Self { socket, protocol }
    }

    async fn echo(&mut self, message: Message) -> Message {
        self.socket.send(message).await.expect("the socket is open");
        self.next().await.expect("an echo")
    }

    async fn echoes(&mut self, text: &str) {
        assert_eq!(self.echo(Message::text(text)).await, Message::text(text));
    }

    /// The next message; nothing when the socket has ended.
    async fn next(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a message or an end");
        next.and_then(Result::ok).filter(|message| !message.is_close())
    }

    /// The code of the close frame that comes next; nothing when the socket ends without one.
    async fn is_closed_with(&mut self) -> Option<CloseCode> {
        let next = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a message or an end");
        match next {
            Some(Ok(Message::Close(Some(close)))) => Some(close.code),
            _ => None,
        }
    }
}

/// Two simulated hubs, and a user at the first one whose server runs.
async fn site_with_server(sketch: Sketch) -> (Site, String) {
    let site = sketch.start().await;
    let ada = site.user_at("hub-a", 0);
    site.hub("hub-a").start_server(&ada, "").await;
    (site, ada)
}

fn two_hubs() -> Sketch {
    Sketch::with_hubs(&["hub-a", "hub-b"])
}

#[tokio::test]
async fn messages_of_a_kernel_pass_both_ways_small_and_large() {
    let (site, ada) = site_with_server(two_hubs()).await;
    let mut kernel = Kernel::open(&site, &ada).await;

    assert_eq!(kernel.protocol.as_deref(), Some(KERNEL_PROTOCOL));
    kernel.echoes("print(1)").await;
    let binary = Message::binary(vec![0, 1, 254, 255]);
    assert_eq!(kernel.echo(binary.clone()).await, binary);
    let large = Message::binary((0..1024 * 1024).map(|at: u32| at.to_le_bytes()[0]).collect::<Vec<u8>>());
    assert!(kernel.echo(large.clone()).await == large, "a large message came back as another one");
}

#[tokio::test]
async fn many_messages_in_flight_keep_their_order() {
    let (site, ada) = site_with_server(two_hubs()).await;
    let mut kernel = Kernel::open(&site, &ada).await;
    for number in 0..500 {
        kernel.socket.feed(Message::text(number.to_string())).await.unwrap();
    }
    kernel.socket.flush().await.unwrap();
    for number in 0..500 {
        assert_eq!(kernel.next().await, Some(Message::text(number.to_string())));
    }
}

#[tokio::test]
async fn a_kernel_connection_outlives_a_config_reload() {
    let (site, ada) = site_with_server(two_hubs()).await;
    let mut kernel = Kernel::open(&site, &ada).await;
    kernel.echoes("before").await;

    site.reconfigure("site: {base_url: /, identity_headers: [X-Site-User]}");
    site.until_reloaded(true).await;

    kernel.echoes("after").await;
}

#[tokio::test]
async fn a_kernel_connection_outlives_the_death_of_the_hub_process() {
    let (site, ada) = site_with_server(two_hubs()).await;
    let mut kernel = Kernel::open(&site, &ada).await;

    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;
    kernel.echoes("without a hub").await;

    site.hub("hub-a").start_hub().await.unwrap();
    site.until_plane("hub-a", "hub", "up").await;
    kernel.echoes("with one again").await;
}

#[tokio::test]
async fn a_kernel_connection_ends_with_the_proxy_of_its_hub_and_is_told_to_come_back() {
    let (site, ada) = site_with_server(two_hubs()).await;
    let mut kernel = Kernel::open(&site, &ada).await;
    kernel.echoes("before").await;

    site.hub("hub-a").stop_proxy().await;

    assert_eq!(kernel.is_closed_with().await, Some(CloseCode::Restart));
    assert_eq!(kernel.next().await, None);
}
