//! `health`, `census`, `failover`, `timeouts` and `limits`: numbers, and the order they must be in.

use std::time::Duration;

use crate::model::{Census, Failover, Health, Limits, ResponseHead, Timeouts};
use crate::read::{At, Section, boolean, period, request_path, size, whole};
use crate::values::text::{write_duration, write_size};

pub(super) fn health(at: &At<'_>) -> Option<Health> {
    let mut keys = at.section()?;
    let defaults = Health::default();
    let health = Health {
        interval: keys.or("interval", defaults.interval, period),
        timeout: keys.or("timeout", defaults.timeout, period),
        fall: keys.or("fall", defaults.fall, whole(1..=100)),
        rise: keys.or("rise", defaults.rise, whole(1..=100)),
        proxy_path: keys.or("proxy_path", defaults.proxy_path, request_path),
        hub_path: keys.or("hub_path", defaults.hub_path, request_path),
    };
    if health.timeout > health.interval && keys.sound(&["interval", "timeout"]) {
        let interval = write_duration(health.interval);
        keys.problem::<()>(
            "timeout",
            format!("longer than health.interval, which is {interval}"),
            "probes would pile up: make it shorter",
        );
    }
    keys.finish();
    Some(health)
}

pub(super) fn census(at: &At<'_>) -> Option<Census> {
    let mut keys = at.section()?;
    let defaults = Census::default();
    let census = Census {
        interval: keys.or("interval", defaults.interval, period),
        authority: keys.or("authority", defaults.authority, period),
        max_age: keys.or("max_age", defaults.max_age, period),
    };
    ascending(&keys, &[("authority", census.authority), ("max_age", census.max_age)]);
    keys.finish();
    Some(census)
}

pub(super) fn failover(at: &At<'_>) -> Option<Failover> {
    let mut keys = at.section()?;
    let defaults = Failover::default();
    let failover = Failover {
        hold: keys.or("hold", defaults.hold, period),
        after: keys.or("after", defaults.after, period),
        dead_after: keys.or("dead_after", defaults.dead_after, period),
        failback_after: keys.or("failback_after", defaults.failback_after, period),
        freeze_window: keys.or("freeze_window", defaults.freeze_window, period),
        max_starts_per_minute: keys.or(
            "max_starts_per_minute",
            defaults.max_starts_per_minute,
            whole(1..=1_000_000),
        ),
        self_rescue: keys.or("self_rescue", defaults.self_rescue, boolean),
        stop_stale: keys.or("stop_stale", defaults.stop_stale, boolean),
    };
    ascending(
        &keys,
        &[("hold", failover.hold), ("after", failover.after), ("dead_after", failover.dead_after)],
    );
    keys.finish();
    Some(failover)
}

/// Each of these must be longer than the one before it.
fn ascending(keys: &Section<'_>, steps: &[(&str, Duration)]) {
    for pair in steps.windows(2) {
        let [(shorter, before), (longer, after)] = pair else { continue };
        if after <= before && keys.sound(&[shorter, longer]) {
            let message = format!("not longer than `{shorter}`, which is {}", write_duration(*before));
            let order: Vec<&str> = steps.iter().map(|(key, _)| *key).collect();
            keys.problem::<()>(longer, message, format!("the order is {}", order.join(" < ")));
        }
    }
}

pub(super) fn timeouts(at: &At<'_>) -> Option<Timeouts> {
    let mut keys = at.section()?;
    let defaults = Timeouts::default();
    let timeouts = Timeouts {
        request_head: keys.or("request_head", defaults.request_head, period),
        connect: keys.or("connect", defaults.connect, period),
        response_head: keys.or("response_head", defaults.response_head, response_head),
        idle: keys.or("idle", defaults.idle, period),
        hub_idle: keys.or("hub_idle", defaults.hub_idle, period),
        body_progress: keys.or("body_progress", defaults.body_progress, period),
        stream_idle: keys.or("stream_idle", defaults.stream_idle, period),
        shutdown: keys.or("shutdown", defaults.shutdown, period),
    };
    keys.finish();
    Some(timeouts)
}

fn response_head(at: &At<'_>) -> Option<ResponseHead> {
    let mut keys = at.section()?;
    let defaults = ResponseHead::default();
    let response_head = ResponseHead {
        hub: keys.or("hub", defaults.hub, period),
        user: keys.or("user", defaults.user, period),
    };
    keys.finish();
    Some(response_head)
}

pub(super) fn limits(at: &At<'_>) -> Option<Limits> {
    let mut keys = at.section()?;
    let defaults = Limits::default();
    let limits = Limits {
        request_head_bytes: keys.or("request_head_bytes", defaults.request_head_bytes, size(4096..=1 << 20)),
        request_headers: keys.or("request_headers", defaults.request_headers, whole(10..=1000)),
        uri_bytes: keys.or("uri_bytes", defaults.uri_bytes, size(1024..=1 << 20)),
        connections: keys.or("connections", defaults.connections, whole(0..=10_000_000)),
        connections_per_client: keys.or(
            "connections_per_client",
            defaults.connections_per_client,
            whole(0..=10_000_000),
        ),
    };
    if limits.uri_bytes > limits.request_head_bytes && keys.sound(&["uri_bytes", "request_head_bytes"]) {
        let head = write_size(limits.request_head_bytes);
        keys.problem::<()>(
            "uri_bytes",
            format!("more than request_head_bytes, which is {head}"),
            "a head holds the request target: make it smaller",
        );
    }
    let (all, each) = (limits.connections, limits.connections_per_client);
    if all > 0 && each > all && keys.sound(&["connections", "connections_per_client"]) {
        keys.problem::<()>(
            "connections_per_client",
            format!("more than connections, which is {all}"),
            "make it smaller, or 0 for no limit",
        );
    }
    keys.finish();
    Some(limits)
}
