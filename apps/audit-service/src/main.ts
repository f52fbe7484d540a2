import { runService } from '@keyward/service-host';
import { auditService } from './service.js';

await runService(auditService());
