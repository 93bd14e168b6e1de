//! Follows the events of runtimes, to request a container when it is created, before its first process
//! runs.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::containerd;
use super::containerd::messages as c;
use super::cri::messages as m;
use super::options::Api;
use super::shared::Shared;
use super::sources::{Answer, Source, is_of_users};
use super::task::{attempt, keep};
use super::wire::{Error, Lines, Messages};
use super::{SHORT_ID, id};

/// Interval of the search for sockets.
const LOOK: Duration = Duration::from_millis(250);
/// Time until an ended stream is opened again; it doubles up to a maximum.
const PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Time until the next try, if a runtime has no such stream.
const UNSUPPORTED: Duration = Duration::from_secs(300);
/// Maximum number of concurrent requests that one runtime's events caused. Further events are skipped; the
/// container's first process makes the request.
const MAX_REQUESTS: usize = 256;
/// Number of requests for a container that its runtime has reported.
const TRIES: u32 = 4;

/// Path of Docker's and Podman's events about containers.
const EVENTS: &str = "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D";

/// Follows the events of each runtime of the machine, including those that start later. It does not follow
/// users' runtimes, because a user could report any container there.
pub(super) async fn follow_all(shared: Arc<Shared>) {
    let followed = Arc::<Followed>::default();
    keep(|| find_and_follow(shared.clone(), followed.clone())).await;
}

/// The sockets whose events a task follows.
type Followed = Mutex<FxHashSet<(Api, PathBuf)>>;

async fn find_and_follow(shared: Arc<Shared>, followed: Arc<Followed>) {
    loop {
        let mut is_new = false;
        for endpoint in shared.options.endpoints.iter().filter(|endpoint| !is_of_users(endpoint)) {
            for source in shared.sources.of(endpoint) {
                let key = (source.api, source.socket.clone());
                if !followed.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone()) {
                    continue;
                }
                is_new = true;
                let (shared, followed) = (shared.clone(), followed.clone());
                tokio::spawn(async move {
                    keep(|| follow(shared.clone(), source.clone())).await;
                    followed.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
                });
            }
        }
        if is_new {
            shared.wake_all();
        }
        sleep(LOOK).await;
    }
}

/// Follows one runtime until its socket disappears.
async fn follow(shared: Arc<Shared>, source: Arc<Source>) {
    let open = Arc::<OpenRequests>::default();
    let mut pause = PAUSE;
    let mut since = None;
    while source.socket.exists() {
        let reported = Reported { shared: &shared, source: &source, open: &open };
        let mut has_begun = false;
        let ended = match source.api {
            Api::Docker | Api::Podman => docker(&reported, since, &mut has_begun).await,
            Api::Cri => cri(&reported, &mut has_begun).await,
            Api::Containerd => of_containerd(&reported, &mut has_begun).await,
        };
        if has_begun {
            pause = PAUSE;
            since = SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|now| now.as_secs());
        }
        match ended {
            Err(error) if error.is_unsupported() => {
                // Another version may take its place.
                let until = Instant::now() + UNSUPPORTED;
                while source.socket.exists() && Instant::now() < until {
                    sleep(LOOK).await;
                }
            }
            Err(error) => {
                source.note(Some(&error), &shared.tally);
                sleep(pause).await;
            }
            Ok(()) => sleep(pause).await,
        }
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// An event of Docker, or of Podman in Docker's form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    id: String,
    #[serde(rename = "Action")]
    action: String,
    status: String,
    #[serde(rename = "Actor")]
    actor: Actor,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
}

/// Follows Docker's events. After a broken stream, it also requests the events since a time, in seconds.
async fn docker(reported: &Reported<'_>, since: Option<u64>, has_begun: &mut bool) -> Result<(), Error> {
    let Reported { shared, source, .. } = reported;
    let path = since.map_or_else(|| EVENTS.to_owned(), |since| format!("{EVENTS}&since={since}"));
    let mut lines = Lines::open(&source.socket, &path, shared.options.deadline).await?;
    source.note(None, &shared.tally);
    *has_begun = true;
    while let Some(line) = lines.next().await? {
        // Other lines are skipped.
        let Ok(event) = serde_json::from_slice::<Event>(&line) else { continue };
        let action = if event.action.is_empty() { &event.status } else { &event.action };
        let id = if event.actor.id.is_empty() { &event.id } else { &event.actor.id };
        // A start adds addresses, and the container may have been renamed.
        if matches!(action.as_str(), "create" | "start" | "restart" | "rename" | "update") {
            reported.about(id);
        }
    }
    Ok(())
}

/// Event types: containers and pods were created, or started.
const CREATED: i32 = 0;
const STARTED: i32 = 1;

async fn cri(reported: &Reported<'_>, has_begun: &mut bool) -> Result<(), Error> {
    let Reported { shared, source, .. } = reported;
    let method = "runtime.v1.RuntimeService/GetContainerEvents";
    let request = m::GetEventsRequest {};
    let mut messages = Messages::open(&source.socket, method, &request, shared.options.deadline).await?;
    source.note(None, &shared.tally);
    *has_begun = true;
    while let Some(event) = messages.next::<m::ContainerEventResponse>().await? {
        if matches!(event.container_event_type, CREATED | STARTED) {
            reported.about(&event.container_id);
        }
    }
    Ok(())
}

async fn of_containerd(reported: &Reported<'_>, has_begun: &mut bool) -> Result<(), Error> {
    let Reported { shared, source, .. } = reported;
    let deadline = shared.options.deadline;
    // Requests running containers, whose namespaces are unknown, so that their cgroups are recognised.
    let ids = containerd::list(&source.socket, deadline).await?;
    ids.iter().for_each(|id| reported.about(id));
    let method = "containerd.services.events.v1.Events/Subscribe";
    let request = c::SubscribeRequest { filters: vec!["topic==\"/containers/create\"".to_owned()] };
    let mut messages = Messages::open(&source.socket, method, &request, deadline).await?;
    *has_begun = true;
    while let Some(envelope) = messages.next::<c::Envelope>().await? {
        let created = envelope.event.and_then(|event| c::ContainerCreate::decode(&*event.value).ok());
        if let Some(created) = created
            && envelope.topic == "/containers/create"
            && envelope.namespace != containerd::DOCKER
        {
            reported.about(&created.id);
            if envelope.namespace == containerd::KUBERNETES {
                // The CRI will return more.
                shared.request(created.id.get(..SHORT_ID).unwrap_or(&created.id));
            }
        }
    }
    Ok(())
}

/// Containers that are requested because of events, and whether the runtime reported another event since.
type OpenRequests = Mutex<FxHashMap<String, bool>>;

/// Requests the containers that a runtime reports.
struct Reported<'a> {
    shared: &'a Arc<Shared>,
    source: &'a Arc<Source>,
    open: &'a Arc<OpenRequests>,
}

impl Reported<'_> {
    /// Requests the container after an event, one request at a time, so that the last response belongs to
    /// the last event.
    fn about(&self, full_id: &str) {
        let Some(id) = id::checked(full_id.as_bytes()) else { return };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(again) = open.get_mut(id) {
            *again = true;
        } else if open.len() < MAX_REQUESTS {
            open.insert(id.to_owned(), false);
            let (shared, source, open) = (self.shared.clone(), self.source.clone(), self.open.clone());
            let id = id.to_owned();
            tokio::spawn(async move {
                loop {
                    attempt(request(shared.clone(), source.clone(), id.clone())).await;
                    let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
                    match open.get_mut(&id) {
                        Some(again) if *again => *again = false,
                        _ => {
                            open.remove(&id);
                            return;
                        }
                    }
                }
            });
        }
    }
}

/// Requests a reported container from its runtime.
async fn request(shared: Arc<Shared>, source: Arc<Source>, id: String) {
    let mut pause = shared.options.retry;
    for _ in 0..TRIES {
        shared.tally.lookup();
        if let Answer::Known(found) = source.inspect(&id, &shared.options, &shared.tally).await
            && shared.publish(*found)
        {
            return;
        }
        sleep(pause).await;
        pause *= 2;
    }
}
