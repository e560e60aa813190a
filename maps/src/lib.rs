//! OSDMap and MonMap, and the way from an object to its acting set.
