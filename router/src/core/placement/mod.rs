//! Where a user belongs: the home hub first, then the candidates, in the order of the user.
