//! Waits until something is so.
//!
//! Not tokio's `watch`: it wakes those who wait in an order of chance that no seed governs.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::Notify;

/// Rung whenever something changed. Clones are the same bell; who waited first looks first.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    pub fn ring(&self) {
        self.0.notify_waiters();
    }

    /// Looks now, and each time that it rings, until there is something to be seen.
    pub async fn until<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        loop {
            let mut rung = pin!(self.0.notified());
            rung.as_mut().enable();
            if let Some(seen) = look() {
                return seen;
            }
            rung.await;
        }
    }
}

#[tokio::test]
async fn whoever_waited_first_looks_first() {
    let (bell, order) = (Bell::default(), Arc::new(std::sync::Mutex::new((false, Vec::new()))));
    let waiting: Vec<_> = (0..20)
        .map(|number| {
            let (bell, order) = (bell.clone(), order.clone());
            tokio::spawn(async move {
                bell.until(|| order.lock().unwrap().0.then_some(())).await;
                order.lock().unwrap().1.push(number);
            })
        })
        .collect();
    tokio::task::yield_now().await;
    bell.ring();
    tokio::task::yield_now().await;
    order.lock().unwrap().0 = true;
    bell.ring();
    for one in waiting {
        one.await.unwrap();
    }

    assert_eq!(order.lock().unwrap().1, (0..20).collect::<Vec<_>>());
}
