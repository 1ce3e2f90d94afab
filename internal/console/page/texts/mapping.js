// The texts of how a file is to be read.

export const texts = {
  found: "found",
  none: "none",
  eachPrice: "each price decides",
  tab: "tab",
  products: "The first products, as they would come in",
  columns: ["Line", "Id", "Name", "SKU", "Price", "On sale", "Attributes"],
  refused: "Refused",
  yes: "yes",
  no: "no",
  /** What each option is called here; the node's sentences call it as the command line does. @type {Record<string, string>} */
  options: {
    preset: "Comes from",
    format: "Format",
    encoding: "Encoding",
    delimiter: "Delimiter",
    decimal: "Decimal sign of prices",
    unit: "Unit of prices",
    default: "Currency where there is none",
  },
  /** @type {Record<string, string>} */
  units: { major: "whole units (12.50)", minor: "cents (1250)" },
  /** @type {Record<string, string>} */
  fields: { id: "Id is in", sku: "SKU is in", name: "Name is in", price: "Price is in", currency: "Currency is in", active: "Whether it is on sale is in" },
};
