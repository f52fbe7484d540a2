import { runService } from '@keyward/service-host';
import { gatewayService } from './service.js';

await runService(gatewayService());
