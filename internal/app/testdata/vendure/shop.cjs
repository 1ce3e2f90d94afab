// A Vendure shop on loopback with the products of the CSV file that is its argument. It prints its address, and ends with its standard input.
// NODE_PATH says where its modules are.
const { bootstrap, DefaultLogger, LanguageCode, LogLevel } = require('@vendure/core');
const { populate } = require('@vendure/core/cli');

const config = {
  apiOptions: { hostname: '127.0.0.1', port: 0, adminApiPath: 'admin-api', shopApiPath: 'shop-api' },
  authOptions: { tokenMethod: 'bearer' },
  dbConnectionOptions: { type: 'sqljs', synchronize: true, logging: false },
  paymentOptions: { paymentMethodHandlers: [] },
  logger: new DefaultLogger({ level: LogLevel.Error }),
};
const shop = {
  defaultLanguage: LanguageCode.en,
  defaultZone: 'Europe',
  countries: [{ name: 'Germany', code: 'DE', zone: 'Europe' }],
  taxRates: [{ name: 'Standard', percentage: 19 }],
  shippingMethods: [],
  paymentMethods: [],
  collections: [],
};

process.stdin.resume().on('end', () => process.exit(0));
populate(() => bootstrap(config), shop, process.argv[2])
  .then((app) => app.getUrl())
  .then((url) => console.log(`listening on ${url}`))
  .catch((error) => { console.error(error); process.exit(1); });
