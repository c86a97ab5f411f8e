//! Whose is the OAuth hop: the owner or service behind `/hub/api/oauth2/authorize` and `/hub/api/oauth2/token`.
//!
//! `redirect_uri` is exact, `client_id` is not: `jupyterhub-user-a-b` is user `a-b`, or server `b` of user `a`. The
//! hub checks both against its own records; here they only have to agree.

use http::Method;

use super::query::only_param;
use super::{BadPath, Place, Plane, classify_nested, segments};
use crate::destination::{own_path, split_path};
use crate::names::UserName;
use crate::site::Site;

/// Who asks the hub to let it know the visitor.
#[derive(Debug, PartialEq, Eq)]
enum Client {
    Owner(UserName),
    Service(String),
    Unknown,
}

/// What `client_id` says by itself.
enum ClientId {
    /// The decoded text behind `jupyterhub-user-`, in canonical form: a user, or a user, `-` and a server.
    User(UserName),
    Service(String),
    Other,
}

/// Adds to `place` whose the client is that these parameters name: an authorization's query, or the form of a token
/// request.
///
/// # Errors
///
/// [`BadPath::TwoOwners`] and [`BadPath::Twice`]; others when a name inside is bad.
pub(super) fn name_client(
    site: &Site,
    place: &mut Place,
    parameters: Option<&str>,
    depth: u8,
) -> Result<(), BadPath> {
    match client(site, parameters, depth)? {
        Client::Owner(owner) => place.owner = Some(owner),
        Client::Service(service) => place.service = Some(service),
        Client::Unknown => {}
    }
    Ok(())
}

fn client(site: &Site, query: Option<&str>, depth: u8) -> Result<Client, BadPath> {
    let id = match only_param(query, "client_id")? {
        Some(id) => read_id(site, &id)?,
        None => ClientId::Other,
    };
    let redirect = match only_param(query, "redirect_uri")? {
        Some(uri) => read_redirect(site, &uri, depth)?,
        None => Client::Unknown,
    };
    match (id, redirect) {
        (ClientId::User(id), Client::Owner(owner)) if is_of(&id, &owner) => Ok(Client::Owner(owner)),
        (ClientId::Other, found) => Ok(found),
        (ClientId::User(id), Client::Unknown) => Ok(Client::Owner(id)),
        (ClientId::Service(id), Client::Unknown) => Ok(Client::Service(id)),
        // A service may have a client id of its own choice; its path is exact.
        (ClientId::Service(_), Client::Service(path)) => Ok(Client::Service(path)),
        (ClientId::User(_), _) | (ClientId::Service(_), Client::Owner(_)) => Err(BadPath::TwoOwners),
    }
}

fn is_of(id: &UserName, owner: &UserName) -> bool {
    id.as_str().strip_prefix(owner.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Reads an id as the hub makes it: `jupyterhub-user-<quote(name)>[-<quote(server)>]` (`jupyterhub/user.py`),
/// `service-<name>` (`jupyterhub/services/service.py`).
fn read_id(site: &Site, id: &str) -> Result<ClientId, BadPath> {
    if let Some(quoted) = id.strip_prefix("jupyterhub-user-") {
        let name = segments::text(quoted)?;
        return UserName::canonical(&name, site.names()).map(ClientId::User).ok_or(BadPath::Control);
    }
    match id.strip_prefix("service-") {
        Some(name) if !name.is_empty() => Ok(ClientId::Service(name.to_owned())),
        _ => Ok(ClientId::Other),
    }
}

fn read_redirect(site: &Site, uri: &str, depth: u8) -> Result<Client, BadPath> {
    let Some(own) = own_path(site, None, uri) else { return Ok(Client::Unknown) };
    let (path, query) = split_path(&own);
    let place = classify_nested(site, &Method::GET, path, query, depth)?;
    Ok(match (place.row.plane, place.owner, place.service) {
        (Plane::User, Some(owner), _) => Client::Owner(owner),
        (Plane::Service, _, Some(service)) => Client::Service(service),
        _ => Client::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::NameRule;

    fn read(query: &str) -> Result<Client, BadPath> {
        let site = Site::new("/".parse().unwrap(), NameRule::Lower, ["site.example".to_owned()]);
        client(&site, Some(query), 0)
    }

    fn owner(name: &str) -> Result<Client, BadPath> {
        Ok(Client::Owner(UserName::canonical(name, NameRule::Lower).unwrap()))
    }

    #[test]
    fn the_redirect_uri_tells_a_user_with_a_dash_from_a_named_server() {
        let id = "client_id=jupyterhub-user-a-b&redirect_uri=";
        assert_eq!(read(&format!("{id}%2Fuser%2Fa%2Fb%2Foauth_callback")), owner("a"));
        assert_eq!(read(&format!("{id}%2Fuser%2Fa-b%2Foauth_callback")), owner("a-b"));
        assert_eq!(read("client_id=jupyterhub-user-a-b"), owner("a-b"));
    }

    #[test]
    fn a_client_id_is_decoded_twice() {
        assert_eq!(read("client_id=jupyterhub-user-bob%2540example.org"), owner("bob@example.org"));
        assert_eq!(read("client_id=jupyterhub-user-x%252540y"), owner("x%40y"));
        assert_eq!(
            read(
                "client_id=jupyterhub-user-%25C3%25A9lise&redirect_uri=%2Fuser%2F%25C3%25A9lise%2Foauth_callback"
            ),
            owner("élise")
        );
    }

    #[test]
    fn two_owners_in_one_query_are_refused() {
        let bob = "redirect_uri=%2Fuser%2Fbob%2Foauth_callback";
        for client_id in ["jupyterhub-user-alice", "jupyterhub-user-bobby", "service-x"] {
            assert_eq!(read(&format!("client_id={client_id}&{bob}")), Err(BadPath::TwoOwners), "{client_id}");
        }
        assert_eq!(
            read("client_id=jupyterhub-user-alice&redirect_uri=%2Fservices%2Fx%2Fcb"),
            Err(BadPath::TwoOwners)
        );
    }

    #[test]
    fn a_parameter_that_comes_twice_is_refused() {
        let id = "client_id=jupyterhub-user-bob";
        assert_eq!(read(&format!("{id}&{id}")), Err(BadPath::Twice("client_id")));
        assert_eq!(
            read(&format!("{id}&redirect_uri=/a&redirect_uri=/b")),
            Err(BadPath::Twice("redirect_uri"))
        );
    }

    #[test]
    fn the_form_of_a_token_request_names_its_client_and_says_nothing_else() {
        let site = Site::new("/".parse().unwrap(), NameRule::Lower, []);
        let token_request = |form: &str| {
            let mut place = classify_nested(&site, &Method::POST, "/hub/api/oauth2/token", None, 0).unwrap();
            name_client(&site, &mut place, Some(form), 0).map(|()| place)
        };
        let user = "grant_type=authorization_code&client_id=jupyterhub-user-a-b&client_secret=s&code=c\
                    &redirect_uri=%2Fuser%2Fa%2Fb%2Foauth_callback";
        assert_eq!(token_request(user).unwrap().owner, UserName::canonical("a", NameRule::Lower));
        assert_eq!(token_request("client_id=service-grader&code=c").unwrap().service.unwrap(), "grader");
        let nobody = token_request("grant_type=refresh_token").unwrap();
        assert_eq!((nobody.owner, nobody.service), (None, None));
        assert_eq!(
            token_request("client_id=jupyterhub-user-a&redirect_uri=%2Fuser%2Fb%2Foauth_callback"),
            Err(BadPath::TwoOwners)
        );
    }

    #[test]
    fn a_bad_name_inside_is_refused() {
        assert_eq!(read("client_id=jupyterhub-user-a%252Fb"), Err(BadPath::Slash));
        assert_eq!(read("client_id=jupyterhub-user-"), Err(BadPath::Empty));
        assert_eq!(
            read("client_id=jupyterhub-user-a&redirect_uri=%2Fuser%2Fa%2F..%2Fb%2Foauth_callback"),
            Err(BadPath::DotSegment)
        );
    }

    #[test]
    fn services_go_by_path_then_by_client_id() {
        let service = |name: &str| Ok(Client::Service(name.to_owned()));
        assert_eq!(read("client_id=service-grader"), service("grader"));
        assert_eq!(
            read("client_id=service-x&redirect_uri=https%3A%2F%2Felsewhere.example%2Fcb"),
            service("x")
        );
        assert_eq!(read("client_id=service-odd&redirect_uri=%2Fservices%2Fgrader%2Fcb"), service("grader"));
    }

    #[test]
    fn an_own_absolute_redirect_counts_and_a_foreign_one_says_nothing() {
        let own = "redirect_uri=https%3A%2F%2Fsite.example%2Fuser%2Fbob%2Foauth_callback";
        let foreign = "redirect_uri=https%3A%2F%2Fevil.example%2Fuser%2Fbob%2Foauth_callback";
        assert_eq!(read(&format!("client_id=custom&{own}")), owner("bob"));
        assert_eq!(read(&format!("client_id=custom&{foreign}")), Ok(Client::Unknown));
        assert_eq!(read(""), Ok(Client::Unknown));
    }
}
