//! IDMS, ITMS, CatalogSource, ClusterCatalog, UpdateService and the signature ConfigMap: emit.
