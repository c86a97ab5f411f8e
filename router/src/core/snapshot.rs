//! What every decision is made from: one immutable picture of the site, replaced as a whole.
//!
//! Built by the controller only; a request takes one picture and keeps it to its end.

use std::sync::Arc;

use hubrouter_config::{Config, Hub, HubId, Intent, ServiceHome};
use hubrouter_hub_adapter::address::Plane;
use hubrouter_hub_adapter::cookies::JarRules;
use hubrouter_hub_adapter::destination::Dest;
use hubrouter_hub_adapter::names::UserName;
use hubrouter_hub_adapter::site::Site;

use super::exceptions::Exceptions;
use super::health::{self, Answer, HubHealth};
use super::life::records::{HubRecord, Starts};
use super::life::time::{StoreTime, Times};
use super::moment::Knowledge;
use super::placement::{self, Placement};
use super::spawning::Verdict;

/// Where a hub stands in [`Snapshot::hubs`]; valid for that snapshot only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HubIndex(pub u16);

/// One hub as it is seen now.
#[derive(Clone, Debug)]
pub struct HubView {
    /// What the operator said of it.
    pub hub: Hub,
    /// What probes say of its two planes.
    pub health: HubHealth,
    /// What the replicas have recorded of it.
    pub record: Arc<HubRecord>,
    /// How starts go there, over all replicas.
    pub spawning: Verdict,
    /// When this replica saw its state change last, by the store's clock.
    pub seen_since: StoreTime,
    /// When the configuration changed what is wanted of it last, as this replica saw it.
    pub intent_since: StoreTime,
}

impl HubView {
    /// A hub of which nothing is recorded.
    #[must_use]
    pub fn new(hub: Hub, health: HubHealth) -> Self {
        let record = Arc::new(HubRecord::new(hub.id.clone()));
        let (spawning, never) = (health.spawning.verdict, StoreTime::default());
        Self { hub, health, record, spawning, seen_since: never, intent_since: never }
    }

    /// What is wanted of it: the operator's word, else the configuration's.
    #[must_use]
    pub fn intent(&self) -> Intent {
        self.record.intent(self.hub.intent)
    }

    /// Where starts of its users go.
    #[must_use]
    pub fn starts(&self) -> Starts {
        self.record.starts
    }

    /// Whether a request for `plane` can be answered now.
    #[must_use]
    pub fn answers(&self, plane: Plane) -> Answer {
        self.health.answer_for(probed(plane))
    }

    /// Whether a request for `plane` may be sent a second time when its connection broke.
    #[must_use]
    pub fn may_repeat(&self, plane: Plane) -> bool {
        health::may_repeat(self.health.hub.verdict, probed(plane))
    }
}

/// The plane that probes know, of an address.
fn probed(plane: Plane) -> health::Plane {
    match plane {
        Plane::Hub | Plane::Router => health::Plane::Hub,
        Plane::User | Plane::Service => health::Plane::Proxy,
    }
}

/// The picture: configuration, placement and the health of every hub.
#[derive(Debug)]
pub struct Snapshot {
    /// Grows by one with every picture of this process.
    pub number: u64,
    /// What the operator said.
    pub config: Arc<Config>,
    /// What reading an address needs.
    pub site: Arc<Site>,
    /// How cookies are renamed for this set of hubs.
    pub jars: Arc<JarRules>,
    /// Who belongs where.
    pub placement: Arc<dyn Placement>,
    /// In the order of the configuration.
    pub hubs: Vec<HubView>,
    /// What replicas share.
    pub exceptions: Arc<Exceptions>,
    /// How well this replica knows it.
    pub knowledge: Knowledge,
    /// All periods.
    pub times: Times,
    /// The placement that is about to follow, if one is announced.
    pub next_placement: Option<Arc<dyn Placement>>,
}

/// What changes in a picture besides its configuration.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The hubs, in the order of the configuration.
    pub hubs: Vec<HubView>,
    /// What replicas share.
    pub exceptions: Arc<Exceptions>,
    /// How well this replica knows it.
    pub knowledge: Knowledge,
    /// Who belongs where, by the active placement.
    pub placement: Arc<dyn Placement>,
    /// The placement that is about to follow.
    pub next_placement: Option<Arc<dyn Placement>>,
}

impl Snapshot {
    /// The picture of `config` with `health` known of every hub, in its order.
    #[must_use]
    pub fn new(
        number: u64,
        config: Arc<Config>,
        site: Arc<Site>,
        adopt: Option<&HubId>,
        secure: bool,
        health: Vec<HubHealth>,
    ) -> Self {
        let ids: Vec<HubId> = config.hubs.iter().map(|hub| hub.id.clone()).collect();
        let jars = Arc::new(JarRules::new(&site, &ids, &config.site.jar_cookies, adopt, secure));
        let placement = placement::build(&config.placement, &config.hubs);
        let hubs =
            config.hubs.iter().cloned().zip(health).map(|(hub, health)| HubView::new(hub, health)).collect();
        let times = Times::of(&config.health, &config.failover, &config.census);
        Self {
            number,
            config,
            site,
            jars,
            placement,
            hubs,
            exceptions: Arc::default(),
            knowledge: Knowledge::default(),
            times,
            next_placement: None,
        }
    }

    /// The next picture of the same configuration.
    #[must_use]
    pub fn with(&self, number: u64, shared: Shared) -> Self {
        Self {
            number,
            config: Arc::clone(&self.config),
            site: Arc::clone(&self.site),
            jars: Arc::clone(&self.jars),
            placement: shared.placement,
            hubs: shared.hubs,
            exceptions: shared.exceptions,
            knowledge: shared.knowledge,
            times: self.times,
            next_placement: shared.next_placement,
        }
    }

    /// The hub at `index`.
    #[must_use]
    pub fn hub(&self, index: HubIndex) -> &HubView {
        &self.hubs[usize::from(index.0)]
    }

    /// The id of the hub at `index`.
    #[must_use]
    pub fn id(&self, index: HubIndex) -> &HubId {
        &self.hub(index).hub.id
    }

    /// Where the hub called `id` stands.
    #[must_use]
    pub fn find(&self, id: &HubId) -> Option<HubIndex> {
        self.position(|hub| hub.id == *id)
    }

    /// Where the hub called `id` stands, by its text.
    #[must_use]
    pub fn find_named(&self, id: &str) -> Option<HubIndex> {
        self.position(|hub| hub.id.as_ref() == id)
    }

    fn position(&self, is: impl Fn(&Hub) -> bool) -> Option<HubIndex> {
        let at = self.hubs.iter().position(|view| is(&view.hub))?;
        u16::try_from(at).ok().map(HubIndex)
    }

    /// The home of `user`: where placement puts them.
    #[must_use]
    pub fn home(&self, user: &UserName) -> Option<HubIndex> {
        self.find(self.placement.home(user)?)
    }

    /// Whether `user` gets another home by the placement that is about to follow.
    #[must_use]
    pub fn leaves_by_next_placement(&self, user: &UserName) -> bool {
        let next = self.next_placement.as_ref().and_then(|next| next.home(user));
        next.is_some_and(|next| self.placement.home(user) != Some(next))
    }

    /// Every hub, in the order of the configuration.
    pub fn indices(&self) -> impl Iterator<Item = HubIndex> {
        (0..self.hubs.len()).filter_map(|at| u16::try_from(at).ok()).map(HubIndex)
    }

    /// The hub that `services:` names for `service`; `None` means each visitor's own.
    #[must_use]
    pub fn service_hub(&self, service: &str) -> Option<HubIndex> {
        match self.config.services.get(service)? {
            ServiceHome::Home => None,
            ServiceHome::Hub(id) => self.find(id),
        }
    }

    /// The hub that a destination names by itself, whoever asks.
    #[must_use]
    pub fn named_by(&self, dest: &Dest) -> Option<HubIndex> {
        match dest {
            Dest::Owner(user) => self.owner(user),
            Dest::Service(service) => self.service_hub(service),
            Dest::Hub(id) => self.find_named(id),
            Dest::Nobody => None,
        }
    }

    /// Whether there is only one hub: then nothing has to be told apart.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.hubs.len() == 1
    }
}
