//! From socket to [`World`] and back: reads a request, lets the [`World`] answer it, then delays, garbles or
//! cuts the answer as ordered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use tokio::sync::watch;

use super::answer::Ending;
use super::http::{Call, Reply};
use super::tls::{ConnectionHandle, Door, Incoming, stopped};
use super::world::World;

/// Larger bodies answer 413. The services refuse rules far smaller than this.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// What every request handler shares.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) door: Door,
    pub(crate) stop: watch::Receiver<bool>,
}

impl Shared {
    /// The world. A panic elsewhere leaves it usable: every change is made whole before it is visible.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until `shared.stop` is set and the requests in flight are answered.
pub(crate) async fn serve(incoming: Incoming, shared: Shared) {
    let stop = stopped(shared.stop.clone());
    let app = Router::new()
        .fallback(answer)
        .with_state(shared)
        .into_make_service_with_connect_info::<ConnectionHandle>();
    let _ = axum::serve(incoming, app).with_graceful_shutdown(stop).await;
}

async fn answer(
    State(shared): State<Shared>,
    ConnectInfo(connection): ConnectInfo<ConnectionHandle>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return respond(Reply::cloud_error(413, "RequestEntityTooLarge", "The request is too large."), None);
    };
    let call = Call::new(parts.method, &parts.uri, parts.headers, body.to_vec());
    let outcome = shared.world().answer(&call);
    pause(&shared, outcome.delay_ms).await;
    match outcome.ending {
        Ending::Whole => respond(outcome.reply, None),
        Ending::Truncated(keep) => respond(outcome.reply, Some(keep)),
        Ending::Cut => {
            connection.cut();
            respond(outcome.reply, None)
        }
        Ending::Silent(ms) => {
            pause(&shared, ms).await;
            connection.cut();
            respond(outcome.reply, None)
        }
        Ending::Refusing(ms) => {
            shared.door.refuse_for(Duration::from_millis(ms)).await;
            respond(outcome.reply, None)
        }
    }
}

/// Waits, but never past the stop of the sandbox.
async fn pause(shared: &Shared, ms: u64) {
    if ms == 0 {
        return;
    }
    let _ = tokio::time::timeout(Duration::from_millis(ms), stopped(shared.stop.clone())).await;
}

fn respond(reply: Reply, keep: Option<usize>) -> Response {
    let length = reply.body.len();
    let body = match keep {
        // The length says more than will come: the connection ends in the middle of the body.
        Some(keep) => Body::from_stream(cut_short(reply.body.into_bytes(), keep)),
        None => Body::from(reply.body),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().append(name, value);
        }
    }
    if keep.is_some() {
        response.headers_mut().insert("content-length", HeaderValue::from(length));
    }
    response
}

fn cut_short(bytes: Vec<u8>, keep: usize) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    let head = Bytes::from(bytes.into_iter().take(keep).collect::<Vec<u8>>());
    futures::stream::unfold(Some(head), |head| async move {
        match head {
            Some(head) => Some((Ok(head), None)),
            None => {
                // Give the connection a turn to send what it has: the peer is to see the beginning of the body.
                tokio::task::yield_now().await;
                Some((Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)), None))
            }
        }
    })
}
