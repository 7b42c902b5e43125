import { z } from "zod";

const managedField = z.object({
  manager: z.string().optional(),
  operation: z.string().optional(),
  time: z.coerce.date().optional(),
  fieldsV1: z.unknown(),
});

/** Who wrote which fields of an object, and when. */
export const managedFields = z.array(managedField).optional();

/** When anybody last wrote the object; undefined: it does not say. */
export function newestWrite(fields: z.infer<typeof managedFields>): Date | undefined {
  const times = (fields ?? []).flatMap(({ time }) => time ?? []);
  return times.toSorted((left, right) => right.getTime() - left.getTime())[0];
}
