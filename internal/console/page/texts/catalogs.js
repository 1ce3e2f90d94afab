// The texts of the pages of the catalogs and their products.

export const texts = {
  lastSync: "Last sync",
  thereIsNoCatalogYet: "There is no catalog yet. A catalog exists as long as it holds a product.",
  /** @param {string} products @param {string} when */
  countedAt: (products, when) => `${products}, counted ${when}`,
  noneHasEndedYet: "none has ended yet",
  delete: "Delete…",
  /** @param {string} catalog */
  deleteCatalog: (catalog) => `Delete catalog ${catalog}?`,
  /** @param {string} products */
  itsAreDeletedHereA: (products) => `Its ${products} are deleted here. A sync from a source that has them brings them back.`,
  price: "Price",
  currency: "Currency",
  onSale: "On sale",
  attributesAsJson: "Attributes, as JSON",
  whatSyncsDidToIt: "What syncs did to it",
  noSyncHasChangedIt: "No sync has changed it, as far as that is kept.",
  /** @param {string} id */
  product: (id) => `Product ${id}`,
  /** @param {string} catalog */
  catalog: (catalog) => `Catalog ${catalog}`,
  /** @param {string} shownId */
  productIsSaved: (shownId) => `Product ${shownId} is saved.`,
  /** @param {string} shownId */
  deleteProduct: (shownId) => `Delete product ${shownId}?`,
  theNextSyncFromA: "The next sync from a source that has it brings it back.",
  deleteProductNow: "Delete product",
  /** @param {string} peer */
  pushBy: (peer) => `push by ${peer}`,
  /** @param {string} peer */
  pullFrom: (peer) => `pull from ${peer}`,
  /** @param {string} originNodeId @param {string} createdAt @param {string} updatedAt */
  cameFromFirstOnLast: (originNodeId, createdAt, updatedAt) => `Came from ${originNodeId}, first on ${createdAt}; last changed here on ${updatedAt}.`,
  searchProducts: "Search products",
  idSkuOrNameContains: "Id, SKU or name contains ",
  id: "Id",
  sku: "SKU",
  changed: "Changed",
  noProductFits: "No product fits.",
  exportTheCatalog: "Export the catalog",
  as: "As ",
  sortedBy: "Sorted by ",
  /** @type {Record<string, string>} */
  orders: {
    id: "id",
    "-id": "id, last first",
    sku: "SKU",
    name: "name",
    price: "price, lowest first",
    "-price": "price, highest first",
    "-changed": "change, newest first",
    changed: "change, oldest first",
  },
  yes: "yes",
  no: "no",
};
